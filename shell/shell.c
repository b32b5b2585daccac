/* SPDX-License-Identifier: Apache-2.0 */
/* shell.c - options, scripts, statements and the loop that reads them. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "shell.h"

#define READ_DEPTH_MAX 16

static const char usage[] =
    "usage: laminardb [options] [database]\n"
    "\n"
    "database: a directory that ends in .ldb or .db or has a \"/\" in it; without one, in memory.\n"
    "\n"
    "  -c SQL         runs SQL or a command and leaves; may be given again\n"
    "  -f FILE        runs a file and leaves; may be given again\n"
    "  --mode MODE    box, line, csv, json, markdown or arrow\n"
    "  --json, --csv  short for --mode\n"
    "  --no-header    csv without a line of names\n"
    "  --no-start     streams wait until START; without it they run\n"
    "  --version, --help\n"
    "\n"
    "Without -c and -f statements are read from the terminal, or from a script on standard input.\n"
    "Exit code: 0, 1 after an error of a statement, 2 after an error in these options.\n"
    "Environment: NO_COLOR; LAMINARDB_HISTORY names the file of the history, \"\": none.\n";

static const char *const mode_names[MODE_COUNT] = {"box",  "line",     "csv",
                                                   "json", "markdown", "arrow"};

const char *
shell_mode_name(shell_mode mode) {
    return mode_names[mode];
}

bool
shell_find_mode(shell *sh, const char *name) {
    for (int32_t i = 0; i < MODE_COUNT; i++) {
        if (strcmp(name, mode_names[i]) == 0) {
            sh->mode = (shell_mode)i;
            return true;
        }
    }
    return false;
}

bool
shell_is_on_terminal(const shell *sh) {
    return sh->screen_columns > 0 || isatty(fileno(sh->out)) != 0;
}

int32_t
shell_columns(const shell *sh) {
    if (sh->screen_columns > 0) {
        return sh->screen_columns;
    }
    return shell_is_on_terminal(sh) ? terminal_size(fileno(sh->out)).columns : 0;
}

/* ---------------------------------------------------------------------------------- errors */
static void
complain(const bytes *text) {
    bytes      shown = {.size = 0};
    const bool color = isatty(STDERR_FILENO) && getenv("NO_COLOR") == NULL;
    bytes_text(&shown, color ? PAINT_ERROR : "");
    bytes_lines(&shown, text->data == NULL ? "" : text->data, text->size);
    bytes_text(&shown, color ? PAINT_NONE "\n" : "\n");
    (void)fflush(stdout);
    if (shown.data != NULL) {
        (void)fwrite(shown.data, 1, shown.size, stderr);
    }
    (void)fflush(stderr);
    bytes_free(&shown);
}

void
shell_complain(shell *sh, const char *format, ...) {
    char    text[2048];
    va_list arguments;
    (void)sh;
    va_start(arguments, format);
    const int size = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    bytes b = {.size = 0};
    bytes_add(&b, text, size < 0 ? 0 : strnlen(text, sizeof(text)));
    complain(&b);
    bytes_free(&b);
}

void
shell_say_error(shell *sh, const char *what, const laminar_error *err) {
    (void)sh;
    bytes b = {.size = 0};
    bytes_printf(&b, "%s%s (%d): %s", what, err->class_name, (int)err->code, err->message);
    complain(&b);
    bytes_free(&b);
}

static void
say_statement_error(shell *sh, const char *name, int32_t line, const laminar_error *err) {
    char what[512] = "";
    if (err->code == 402 && terminal_interrupted()) {
        shell_complain(sh, "interrupted");
        return;
    }
    if (name != NULL) {
        const int32_t inside = err->line > 0 ? err->line - 1 : 0;
        (void)snprintf(what, sizeof(what), "%.400s:%d: ", name, line + inside);
    }
    shell_say_error(sh, what, err);
}

/* ---------------------------------------------------------------------------------- statements */
static double
seconds_now(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Its first words are these. */
static bool
begins_with(const char *sql, size_t size, const char *const *words, int32_t count) {
    laminar_token t = {0};
    int32_t       at = 0;
    while (at < count && laminar_token_next(sql, size, &t)) {
        if (t.kind == LAMINAR_TOKEN_COMMENT) {
            continue;
        }
        if (t.size != strlen(words[at]) || strncasecmp(sql + t.start, words[at], t.size) != 0) {
            return false;
        }
        at++;
    }
    return at == count;
}

/* Lines of text: EXPLAIN, but EXPLAIN WATERMARK is rows; SHOW CREATE. */
static bool
gives_lines(const char *sql, size_t size, const laminar_result *r) {
    static const char *const explain[] = {"EXPLAIN"}, *const create[] = {"SHOW", "CREATE"};
    return (laminar_result_column_count(r) == 1 && begins_with(sql, size, explain, 1)) ||
           (laminar_result_column_count(r) == 2 && begins_with(sql, size, create, 2));
}

static void
say_done(shell *sh, const laminar_result *r) {
    if (!sh->interactive || r == NULL) {
        return;
    }
    bytes       b = {.size = 0};
    const char *type = laminar_result_ddl_type(r);
    const char *object = laminar_result_ddl_object(r);
    if (laminar_result_get_kind(r) == LAMINAR_RESULT_DDL && type != NULL) {
        bytes_text(&b, type);
        bytes_text(&b, object != NULL && *object != '\0' ? " " : "");
        bytes_visible(&b, object == NULL ? "" : object, object == NULL ? 0 : strlen(object));
    } else if (laminar_result_get_kind(r) == LAMINAR_RESULT_ROWS_AFFECTED) {
        const int64_t rows = laminar_result_rows_affected(r);
        bytes_printf(&b, "%lld row%s", (long long)rows, rows == 1 ? "" : "s");
    }
    if (b.size > 0) {
        (void)printf("%s\n", b.data);
    }
    bytes_free(&b);
}

/* A line below, after a second; gone when the rows are there. */
static bool
show_progress(void *context, const laminar_progress *p) {
    shell *sh = context;
    if (sh->screen_columns > 0 || (p->elapsed_us < 1000000 && !sh->progress_shown)) {
        return true;
    }
    char text[80];
    int  size = snprintf(text, sizeof(text), "\r%3d %%, %.1f s", (int)(p->fraction * 100),
                         (double)p->elapsed_us / 1e6);
    if (p->left_us >= 0) {
        size += snprintf(text + size, sizeof(text) - (size_t)size, ", about %.0f s left",
                         (double)p->left_us / 1e6);
    }
    size += snprintf(text + size, sizeof(text) - (size_t)size, "\x1b[K");
    terminal_write(STDERR_FILENO, text, (size_t)size);
    sh->progress_shown = true;
    return true;
}

static void
hide_progress(shell *sh) {
    if (sh->progress_shown) {
        terminal_write(STDERR_FILENO, "\r\x1b[K", 4);
        sh->progress_shown = false;
    }
}

static bool
run_one(shell *sh, const char *sql, size_t size, const char *name, int32_t line) {
    laminar_error   err;
    laminar_result *r = NULL;
    printer         p;
    const double    began = seconds_now();
    terminal_forget_interrupt();
    if (sh->mode == MODE_ARROW && shell_is_on_terminal(sh)) {
        shell_complain(sh, "arrow is not for a terminal: name a file with .output first");
        return false;
    }
    printer_init(&p, sh);
    laminar_status s = laminar_database_execute_rows(sh->db, sql, size, printer_take, &p, &r, &err);
    const bool     streamed = p.begun;
    if (s >= 0 && r != NULL && !streamed && laminar_result_column_count(r) > 0) {
        p.plain = sh->mode == MODE_BOX && gives_lines(sql, size, r);
        s = printer_take(&p, r, &err);
        r = NULL;
    }
    const bool printed = p.begun;
    hide_progress(sh);
    const bool wrote = printer_end(&p, s >= 0);
    if (s < 0 && !sh->pipe_closed) {
        say_statement_error(sh, name, line, &err);
    } else if (!wrote && !sh->pipe_closed) {
        shell_complain(sh, "the output cannot be written: %m");
    } else if (!printed) {
        say_done(sh, r);
    }
    laminar_result_free(r);
    if (sh->timer) {
        (void)fprintf(stdout, "Time: %.3f s\n", seconds_now() - began);
    }
    (void)fflush(stdout);
    return s >= 0 && wrote;
}

static int32_t
lines_in(const char *s, size_t size) {
    int32_t lines = 0;
    for (size_t i = 0; i < size; i++) {
        lines += s[i] == '\n';
    }
    return lines;
}

bool
shell_run(shell *sh, const char *sql, size_t size, const char *name, int32_t line) {
    laminar_statement s = {0};
    while (laminar_statement_next(sql, size, &s)) {
        bytes_clear(&sh->last);
        bytes_add(&sh->last, sql + s.start, s.size);
        if (!run_one(sh, sql + s.start, s.size, name, line + 1 + lines_in(sql, s.start))) {
            return false;
        }
    }
    return true;
}

bool
shell_run_own(shell *sh, const char *sql) {
    return run_one(sh, sql, strlen(sql), NULL, 0);
}

/* ---------------------------------------------------------------------------------- scripts */
static bool
is_blank_text(const bytes *b) {
    laminar_token t = {0};
    bool          found = b->size > 0 && laminar_token_next(b->data, b->size, &t);
    while (found && t.kind == LAMINAR_TOKEN_COMMENT && !t.is_open) {
        found = laminar_token_next(b->data, b->size, &t);
    }
    return !found;
}

/* Adds a line to the text that waits for its end, and runs what has become whole. */
static bool
take_line(shell *sh, bytes *waiting, const char *data, size_t size, const char *name,
          int32_t *first_line) {
    const size_t blanks = strspn(data, " \t");
    if (is_blank_text(waiting) && (data[blanks] == '.' || data[blanks] == '\\')) {
        *first_line += lines_in(waiting->data, waiting->size) + 1;
        bytes_clear(waiting);
        return command_run(sh, data + blanks);
    }
    bytes_add(waiting, data, size);
    if (memchr(data, ';', size) == NULL ||
        !laminar_statement_is_complete(waiting->data, waiting->size)) {
        return true;
    }
    const bool went_well = shell_run(sh, waiting->data, waiting->size, name, *first_line);
    *first_line += lines_in(waiting->data, waiting->size);
    bytes_clear(waiting);
    return went_well;
}

bool
shell_run_file(shell *sh, FILE *in, const char *name) {
    bytes   waiting = {.size = 0};
    char   *data = NULL;
    size_t  room = 0;
    int32_t line = 0;
    bool    went_well = true;
    if (sh->read_depth >= READ_DEPTH_MAX) {
        shell_complain(sh, "files read one another %d deep: %s is not read", READ_DEPTH_MAX, name);
        return false;
    }
    sh->read_depth++;
    while (went_well && !sh->quit) {
        const ssize_t size = getline(&data, &room, in);
        if (size < 0) {
            break;
        }
        went_well = take_line(sh, &waiting, data, (size_t)size, name, &line);
    }
    if (went_well && !sh->quit && (waiting.failed || ferror(in))) {
        shell_complain(sh,
                       waiting.failed           ? "%s: out of memory"
                       : terminal_interrupted() ? "%s: interrupted"
                                                : "%s: %m",
                       name);
        went_well = false;
    } else if (went_well && !sh->quit && !is_blank_text(&waiting)) {
        went_well = shell_run(sh, waiting.data, waiting.size, name, line);
    }
    sh->read_depth--;
    free(data);
    bytes_free(&waiting);
    return went_well;
}

/* ---------------------------------------------------------------------------------- the loop */
static void
run_typed(shell *sh, const bytes *typed) {
    const char  *text = typed->data == NULL ? "" : typed->data;
    const size_t blanks = strspn(text, " \t\n");
    if (text[blanks] == '.' || text[blanks] == '\\') {
        (void)command_run(sh, text + blanks);
    } else {
        (void)shell_run(sh, text, typed->size, NULL, 0);
    }
}

static void
run_terminal(shell *sh) {
    history h;
    bytes   typed = {.size = 0};
    (void)printf("laminardb %s, %s. Statements end with ; - .help lists commands.\n",
                 laminar_version(), sh->path == NULL ? "in memory" : sh->path);
    (void)fflush(stdout);
    lines_open(&h);
    while (!sh->quit) {
        bytes_clear(&typed);
        const edit_result r = edit_read(sh, &h, "laminar> ", &typed);
        if (r == EDIT_END) {
            break;
        }
        if (r == EDIT_TEXT && typed.size > 0) {
            lines_add(&h, typed.data, typed.size);
            run_typed(sh, &typed);
        }
    }
    lines_close(&h);
    bytes_free(&typed);
}

/* ---------------------------------------------------------------------------------- options */
typedef struct job {
    const char *text;
    bool        is_file;
} job;

typedef struct options {
    job        *jobs;
    int32_t     job_count;
    const char *path;
    bool        no_start, done;
} options;

/* The value of an option: behind "=", or the next argument. */
static const char *
value_of(const char *argument, const char *name, int argc, char **argv, int *at) {
    const size_t size = strlen(name);
    if (strncmp(argument, name, size) != 0) {
        return NULL;
    }
    if (argument[size] == '=' && size > 2) {
        return argument + size + 1;
    }
    if (argument[size] != '\0' || *at + 1 >= argc) {
        return NULL;
    }
    return argv[++*at];
}

static bool
read_switch(shell *sh, options *o, const char *argument) {
    if (strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0) {
        (void)fputs(usage, stdout);
        o->done = true;
    } else if (strcmp(argument, "--version") == 0) {
        (void)printf("laminardb %s\n", laminar_version());
        o->done = true;
    } else if (strcmp(argument, "--json") == 0 || strcmp(argument, "--csv") == 0) {
        (void)shell_find_mode(sh, argument + 2);
    } else if (strcmp(argument, "--no-header") == 0) {
        sh->headers = false;
    } else if (strcmp(argument, "--no-start") == 0) {
        o->no_start = true;
    } else {
        return false;
    }
    return true;
}

static bool
read_options(shell *sh, options *o, int argc, char **argv) {
    bool only_names = false;
    for (int i = 1; i < argc && !o->done; i++) {
        const char *value;
        if (only_names || argv[i][0] != '-' || argv[i][1] == '\0') {
            if (o->path != NULL) {
                shell_complain(sh, "laminardb: one database, not %s too; see --help", argv[i]);
                return false;
            }
            o->path = argv[i];
        } else if (strcmp(argv[i], "--") == 0) {
            only_names = true;
        } else if (read_switch(sh, o, argv[i])) {
            continue;
        } else if ((value = value_of(argv[i], "-c", argc, argv, &i)) != NULL) {
            o->jobs[o->job_count++] = (job){value, false};
        } else if ((value = value_of(argv[i], "-f", argc, argv, &i)) != NULL) {
            o->jobs[o->job_count++] = (job){value, true};
        } else if ((value = value_of(argv[i], "--mode", argc, argv, &i)) != NULL &&
                   shell_find_mode(sh, value)) {
            continue;
        } else {
            shell_complain(sh, "laminardb: %s is no option, or lacks its value; see --help",
                           argv[i]);
            return false;
        }
    }
    return true;
}

static bool
run_job(shell *sh, const job *j) {
    if (!j->is_file) {
        const size_t blanks = strspn(j->text, " \t\n");
        if (j->text[blanks] == '.' || j->text[blanks] == '\\') {
            return command_run(sh, j->text + blanks);
        }
        return shell_run(sh, j->text, strlen(j->text), NULL, 0);
    }
    if (strcmp(j->text, "-") == 0) {
        return shell_run_file(sh, stdin, "stdin");
    }
    FILE *in = fopen(j->text, "re");
    if (in == NULL) {
        shell_complain(sh, "%s cannot be read: %m", j->text);
        return false;
    }
    const bool went_well = shell_run_file(sh, in, j->text);
    (void)fclose(in);
    return went_well;
}

static bool
run_all(shell *sh, const options *o) {
    for (int32_t i = 0; i < o->job_count && !sh->quit; i++) {
        if (!run_job(sh, &o->jobs[i])) {
            return false;
        }
    }
    if (o->job_count > 0) {
        return true;
    }
    if (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO)) {
        sh->interactive = true;
        if (isatty(STDERR_FILENO) && sh->mode == MODE_BOX) {
            laminar_database_set_progress(sh->db, show_progress, sh, 200);
        }
        run_terminal(sh);
        return true;
    }
    return shell_run_file(sh, stdin, "stdin");
}

static bool
is_interrupted(void *context) {
    (void)context;
    return terminal_interrupted();
}

static bool
open_database(shell *sh, const options *o) {
    laminar_error   err;
    laminar_options settings = LAMINAR_OPTIONS_INIT;
    settings.interrupted = is_interrupted;
    sh->path = o->path;
    laminar_status s =
        laminar_database_open(&sh->db, o->path == NULL ? ":memory:" : o->path, &settings, &err);
    if (s >= 0 && !o->no_start && strcmp(laminar_database_state(sh->db), "Created") == 0) {
        s = laminar_database_start(sh->db, &err);
    }
    if (s < 0) {
        shell_say_error(sh, "", &err);
    }
    return s >= 0;
}

int
laminar_shell_main(int argc, char **argv) {
    options o = {.jobs = calloc((size_t)argc + 1, sizeof(job))};
    shell   sh = {.out = stdout, .headers = true, .rows_max = 40};
    int     code = 2;
    sh.color = isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL;
    if (o.jobs != NULL && read_options(&sh, &o, argc, argv)) {
        code = 0;
        terminal_begin();
        if (!o.done) {
            code = open_database(&sh, &o) && run_all(&sh, &o) ? 0 : 1;
        }
        laminar_database_close(sh.db);
        terminal_end();
    }
    if (sh.out != stdout && fclose(sh.out) != 0) {
        code = 1;
    }
    (void)fflush(stdout);
    bytes_free(&sh.last);
    free(o.jobs);
    return code;
}
