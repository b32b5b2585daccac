/* SPDX-License-Identifier: Apache-2.0 */
/* live.c - a result that is drawn anew in place: .live when it changes, \watch by the clock. The
 * subscription only says that something changed; what is drawn is the query's answer, at most ten
 * times a second and with pauses of twice what the last one took, so however much is inserted and
 * however long the query takes, drawing takes a third of the time (more where one takes longer than
 * half a second: the pauses end there). */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "shell.h"

#define DRAW_MS 100
#define PAUSE_MS_MAX 1000

typedef struct view {
    shell                *sh;
    const char           *sql;
    laminar_subscription *changes; /* NULL: by the clock */
    laminar_notifier     *notifier;
    int64_t               every_ms; /* of \watch */
    int64_t               seen;     /* rows that came */
    int64_t               drawn_ms; /* when; 0: never */
    int64_t               pause_ms; /* behind that, at least */
    bool                  ended;    /* nothing will change any more */
    bool                  failed;
    laminar_error         err; /* then: told when the screen is back */
} view;

static int64_t
now_ms(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---------------------------------------------------------------------------------- drawing */
/* The box of the answer as text: the printer writes it to memory. */
static bool
take_picture(view *v, char **picture, size_t *size) {
    shell *sh = v->sh;
    FILE  *screen = sh->out;
    FILE  *memory = open_memstream(picture, size);
    if (memory == NULL) {
        return false;
    }
    laminar_error   err = {.code = 0};
    laminar_result *r = NULL;
    printer         p;
    const int32_t   columns = terminal_size(fileno(screen)).columns;
    sh->screen_rows = terminal_size(fileno(screen)).rows;
    sh->screen_columns = columns;
    sh->out = memory;
    printer_init(&p, sh);
    laminar_status s =
        laminar_database_execute_rows(sh->db, v->sql, strlen(v->sql), printer_take, &p, &r, &err);
    if (s >= 0 && !p.begun && r != NULL && laminar_result_column_count(r) > 0) {
        s = printer_take(&p, r, &err);
        r = NULL;
    }
    (void)printer_end(&p, s >= 0);
    laminar_result_free(r);
    sh->out = screen;
    sh->screen_rows = sh->screen_columns = 0;
    (void)fclose(memory);
    v->failed = s < 0 && !terminal_interrupted();
    v->err = err;
    return s >= 0;
}

/* No more lines than there are, none wider than the screen is: the printer has seen to that. */
static bool
draw(view *v) {
    char         *picture = NULL;
    size_t        size = 0;
    const int64_t began_ms = now_ms();
    if (!take_picture(v, &picture, &size)) {
        free(picture);
        return false;
    }
    bytes out = {.size = 0};
    bytes_text(&out, "\x1b[H");
    int32_t       lines = 0;
    const int32_t most = terminal_size(STDOUT_FILENO).rows - 1;
    for (size_t at = 0; at < size && lines < most; lines++) {
        const char  *end = memchr(picture + at, '\n', size - at);
        const size_t line = end == NULL ? size - at : (size_t)(end - picture) - at;
        bytes_add(&out, picture + at, line);
        bytes_text(&out, "\x1b[K\r\n");
        at += line + 1;
    }
    if (v->changes != NULL) {
        bytes_printf(&out, "%lld changes%s", (long long)v->seen, v->ended ? ", ended" : "");
    } else {
        bytes_printf(&out, "every %.4g s", (double)v->every_ms / 1000);
    }
    bytes_text(&out, " - q ends, : runs a statement\x1b[K\x1b[J");
    terminal_write(STDOUT_FILENO, out.data, out.size);
    bytes_free(&out);
    free(picture);
    v->drawn_ms = now_ms();
    const int64_t twice_ms = 2 * (v->drawn_ms - began_ms);
    v->pause_ms = twice_ms < DRAW_MS ? DRAW_MS : twice_ms < PAUSE_MS_MAX ? twice_ms : PAUSE_MS_MAX;
    return true;
}

/* ---------------------------------------------------------------------------------- changes */
static bool
open_changes(view *v) {
    laminar_error                err;
    laminar_subscription_options o = LAMINAR_SUBSCRIPTION_OPTIONS_INIT;
    o.sql = v->sql;
    o.on_lag = LAMINAR_LAG_ERROR; /* what is missed is only counted */
    laminar_status s = laminar_notifier_open(&v->notifier, &err);
    s = s < 0 ? s : laminar_subscription_open(&v->changes, v->sh->db, &o, &err);
    if (s < 0) {
        shell_say_error(v->sh, "", &err);
    }
    return s >= 0;
}

/* Takes all that is there, unless it comes faster than it is taken; true: something was. */
static bool
take_changes(view *v) {
    laminar_result *r;
    laminar_error   err;
    bool            any = false;
    uint64_t        tag;
    const int64_t   until_ms = now_ms() + DRAW_MS;
    (void)laminar_notifier_take(v->notifier, &tag, 1);
    while (now_ms() < until_ms && !terminal_interrupted()) {
        r = NULL;
        const laminar_status s = laminar_subscription_next(v->changes, 0, &r, NULL, &err);
        if (s == LAMINAR_OK) {
            v->seen += laminar_result_row_count(r);
            laminar_result_free(r);
            any = true;
        } else if (s < 0 && err.code == 503) {
            any = true;
        } else {
            const bool is_over =
                laminar_subscription_state(v->changes) != LAMINAR_SUBSCRIPTION_ACTIVE || s < 0;
            any = any || is_over != v->ended;
            v->ended = is_over;
            break;
        }
    }
    if (!v->ended) {
        (void)laminar_subscription_notify(v->changes, v->notifier, 1, NULL);
    }
    return any;
}

/* ---------------------------------------------------------------------------------- the loop */
static void
run_statement(view *v) {
    history h = {.count = 0};
    bytes   typed = {.size = 0};
    terminal_cooked(STDIN_FILENO);
    terminal_write(STDOUT_FILENO, "\r\x1b[K", 4);
    if (edit_read(v->sh, &h, ": ", &typed) == EDIT_TEXT && typed.size > 0 && typed.data[0] != '.' &&
        typed.data[0] != '\\') {
        FILE *out = v->sh->out;
        FILE *nowhere = fopen("/dev/null", "we");
        bytes last = v->sh->last;
        v->sh->last = (bytes){.size = 0};
        v->sh->interactive = false;
        v->sh->out = nowhere == NULL ? out : nowhere;
        if (!shell_run(v->sh, typed.data, typed.size, NULL, 0)) {
            (void)terminal_byte(STDIN_FILENO, 3000); /* the error can be read */
        }
        bytes_free(&v->sh->last);
        v->sh->last = last;
        v->sh->interactive = true;
        v->sh->out = out;
        if (nowhere != NULL) {
            (void)fclose(nowhere);
        }
    }
    lines_close(&h);
    bytes_free(&typed);
    (void)terminal_raw(STDIN_FILENO, false);
    terminal_write(STDOUT_FILENO, "\x1b[H\x1b[2J", 7);
    v->drawn_ms = 0;
}

/* Waits for a key, a change or the time: false when a key or Ctrl-C ended the view. */
static bool
wait_for(view *v, bool *due) {
    struct pollfd p[2] = {
        {.fd = STDIN_FILENO, .events = POLLIN},
        {.fd = v->notifier == NULL ? -1 : laminar_notifier_fd(v->notifier), .events = POLLIN}};
    const int64_t since = now_ms() - v->drawn_ms;
    const int64_t left = *due                 ? v->pause_ms - since
                         : v->changes == NULL ? v->every_ms - since
                                              : 1000;
    p[1].fd = *due ? -1 : p[1].fd; /* what comes meanwhile is taken with it */
    (void)poll(p, 2, left < 0 ? 0 : (int)left);
    if (terminal_interrupted()) {
        return false;
    }
    if (p[0].revents != 0) {
        const int key = terminal_byte(STDIN_FILENO, 0);
        if (key == 'q' || key == 'Q' || key == 4 || key == -2) {
            return false;
        }
        if (key == -3) {
            *due = true; /* another size */
        } else if (key == ':') {
            run_statement(v);
            *due = true;
        }
    }
    if (v->changes != NULL && !v->ended) {
        *due = take_changes(v) || *due;
    } else if (v->changes == NULL && now_ms() - v->drawn_ms >= v->every_ms) {
        *due = true;
    }
    return true;
}

static bool
run_view(view *v) {
    size_of_terminal size = terminal_size(STDOUT_FILENO);
    bool             due = true, went_well = true;
    terminal_forget_interrupt();
    if (!terminal_raw(STDIN_FILENO, false)) {
        return false;
    }
    terminal_screen(true);
    do {
        const size_of_terminal now = terminal_size(STDOUT_FILENO);
        if (now.columns != size.columns || now.rows != size.rows) {
            terminal_write(STDOUT_FILENO, "\x1b[2J", 4);
            size = now;
            due = true;
            v->drawn_ms = 0;
        }
        if (due && (v->drawn_ms == 0 || now_ms() - v->drawn_ms >= v->pause_ms)) {
            went_well = draw(v);
            due = false;
        }
    } while (went_well && wait_for(v, &due));
    terminal_screen(false);
    terminal_cooked(STDIN_FILENO);
    terminal_forget_interrupt();
    if (v->failed) {
        shell_say_error(v->sh, "", &v->err);
    }
    return !v->failed;
}

bool
live_run(shell *sh, const char *sql) {
    view v = {.sh = sh, .sql = sql};
    bool went_well = open_changes(&v);
    went_well = went_well && run_view(&v);
    laminar_subscription_close(v.changes);
    laminar_notifier_close(v.notifier);
    return went_well;
}

bool
live_watch(shell *sh, const char *sql, double seconds) {
    view v = {.sh = sh, .sql = sql, .every_ms = (int64_t)(seconds * 1000)};
    return run_view(&v);
}
