/* SPDX-License-Identifier: Apache-2.0 */
/* file_options.c - options of files: of read_csv(...), and of COPY. Names are DuckDB's, with their
 * synonyms. */
#include "db/statement.h"
#include "io/time_pattern.h"

typedef enum option_kind {
    OPTION_BOOL,
    OPTION_CHAR, /* one byte, or nothing for none */
    OPTION_TEXT,
    OPTION_COUNT,  /* 0 or more; -1: all */
    OPTION_FIELDS, /* 'a BIGINT, b VARCHAR' */
    OPTION_PATTERN
} option_kind;

typedef struct option {
    const char *name;
    option_kind kind;
    size_t      at; /* in file_options */
} option;

#define AT(member) offsetof(file_options, member)
static const option OPTIONS[] = {
    {"format", OPTION_TEXT, AT(format)},
    {"delim", OPTION_CHAR, AT(csv.delimiter)},
    {"delimiter", OPTION_CHAR, AT(csv.delimiter)},
    {"sep", OPTION_CHAR, AT(csv.delimiter)},
    {"quote", OPTION_CHAR, AT(csv.quote)},
    {"escape", OPTION_CHAR, AT(csv.escape)},
    {"header", OPTION_BOOL, AT(csv.header)},
    {"nullstr", OPTION_TEXT, AT(csv.null_text)},
    {"null", OPTION_TEXT, AT(csv.null_text)},
    {"skip", OPTION_COUNT, AT(csv.skip)},
    {"sample_size", OPTION_COUNT, AT(csv.sample_rows)},
    {"all_varchar", OPTION_BOOL, AT(csv.all_text)},
    {"ignore_errors", OPTION_BOOL, AT(csv.ignore_errors)},
    {"null_padding", OPTION_BOOL, AT(csv.null_padding)},
    {"union_by_name", OPTION_BOOL, AT(csv.union_by_name)},
    {"filename", OPTION_BOOL, AT(csv.with_path)},
    {"dateformat", OPTION_PATTERN, AT(csv.date_format)},
    {"date_format", OPTION_PATTERN, AT(csv.date_format)},
    {"timestampformat", OPTION_PATTERN, AT(csv.timestamp_format)},
    {"timestamp_format", OPTION_PATTERN, AT(csv.timestamp_format)},
    {"columns", OPTION_FIELDS, AT(csv.column_count)},
    {"types", OPTION_FIELDS, AT(csv.type_count)},
    {"dtypes", OPTION_FIELDS, AT(csv.type_count)},
};

static status
unknown_option(const ast_name *name, error *err) {
    text names[ARRAY_COUNT(OPTIONS)];
    for (int32_t i = 0; i < ARRAY_COUNT(OPTIONS); i++) {
        names[i] = text_of(OPTIONS[i].name);
    }
    error_set_at(err, ERR_QUERY_FAILED, name->position, "unknown option \"%.*s\"",
                 TEXT_ARG(name->text));
    const int32_t near = text_nearest(name->text, names, ARRAY_COUNT(names));
    return near >= 0 ? error_hint(err, "did you mean %s?", OPTIONS[near].name)
                     : error_hint(err, "options: header, delim, quote, escape, nullstr, skip, "
                                       "columns, types, dateformat, sample_size, ignore_errors, "
                                       "null_padding, union_by_name, filename");
}

static status
refuse(const ast_name *name, int32_t position, const char *wanted, error *err) {
    return error_set_at(err, ERR_QUERY_FAILED, position, "option %.*s takes %s",
                        TEXT_ARG(name->text), wanted);
}

static status
set_fields(file_options *o, size_t at, arena *a, const value *v, int32_t position, error *err) {
    schema       made;
    const status s = plan_fields(&made, a, v->s, err);
    if (s < 0) {
        if (err != NULL) {
            err->position = position;
        }
        return s;
    }
    if (at == AT(csv.column_count)) {
        o->csv.column_count = made.count;
        o->csv.columns = made.fields;
    } else {
        o->csv.type_count = made.count;
        o->csv.types = made.fields;
    }
    return OK;
}

status
file_option_set(file_options *o, arena *a, const ast_name *name, const value *v, int32_t position,
                error *err) {
    const option *found = NULL;
    for (int32_t i = 0; i < ARRAY_COUNT(OPTIONS) && found == NULL; i++) {
        found = text_equal_nocase(name->text, text_of(OPTIONS[i].name)) ? &OPTIONS[i] : NULL;
    }
    if (found == NULL) {
        return unknown_option(name, err);
    }
    char      *to = (char *)o + found->at;
    const bool is_text = !v->is_null && v->type.id == TYPE_TEXT;
    const bool is_whole = !v->is_null && type_is_integer(v->type) && v->type.id != TYPE_I128;
    switch (found->kind) {
    case OPTION_BOOL: {
        const bool number = is_whole && (v->i == 0 || v->i == 1);
        if (v->is_null || (v->type.id != TYPE_BOOL && !number)) {
            return refuse(name, position, "true or false", err);
        }
        *to = (char)(number ? v->i : v->b); /* header is an int8_t */
        return OK;
    }
    case OPTION_CHAR: {
        const bool tab = is_text && text_equal(v->s, TEXT("\\t"));
        if (!is_text || (v->s.size > 1 && !tab) || (v->s.size == 1 && *v->s.data == '\n') ||
            (v->s.size == 0 && found->at != AT(csv.quote))) {
            return refuse(name, position, "one character of ASCII", err);
        }
        *to = v->s.size == 0 ? '\0' : tab ? '\t' : *v->s.data;
        if (found->at == AT(csv.quote) && o->csv.escape == '"') {
            o->csv.escape = *to;
        }
        return OK;
    }
    case OPTION_PATTERN: {
        const char *fault = is_text ? time_pattern_fault(v->s) : "it is no text";
        if (fault != NULL) {
            return error_set_at(err, ERR_QUERY_FAILED, position, "option %.*s: %s",
                                TEXT_ARG(name->text), fault);
        }
        *(text *)(void *)to = v->s;
        return OK;
    }
    case OPTION_TEXT:
        if (!is_text) {
            return refuse(name, position, "a text", err);
        }
        *(text *)(void *)to = v->s;
        return OK;
    case OPTION_COUNT:
        if (!is_whole || v->i < -1) {
            return refuse(name, position, "a whole number", err);
        }
        *(int64_t *)(void *)to = v->i;
        return OK;
    case OPTION_FIELDS:
        return is_text ? set_fields(o, found->at, a, v, position, err)
                       : refuse(name, position, "columns as a text: 'a BIGINT, b VARCHAR'", err);
    }
    UNREACHABLE();
}

status
file_format(text *out, const file_options *o, text path, int32_t position, error *err) {
    static const struct {
        const char *ending, *format;
    } endings[] = {{"csv", "csv"},         {"tsv", "csv"},    {"txt", "csv"},
                   {"json", "json"},       {"jsonl", "json"}, {"ndjson", "json"},
                   {"parquet", "parquet"}, {"pq", "parquet"}, {"arrow", "arrow"},
                   {"feather", "arrow"},   {"ipc", "arrow"},  {"arrows", "arrow"}};
    bool       packed;
    const bool given = o->format.data != NULL;
    const text ending = given ? o->format : files_ending(path, &packed);
    if (!given && packed) {
        error_set_at(err, ERR_QUERY_FAILED, position, "a file that gzip made is not read here");
        return error_hint(err, "unpack it first: gunzip -k");
    }
    for (int32_t i = 0; i < ARRAY_COUNT(endings); i++) {
        if (text_equal_nocase(ending, text_of(endings[i].ending))) {
            *out = text_of(endings[i].format);
            return OK;
        }
    }
    error_set_at(err, ERR_QUERY_FAILED, position, "%s \"%.*s\" is no known format of files",
                 given ? "format" : "the ending", (int)(ending.size < 40 ? ending.size : 40),
                 ending.data);
    return error_hint(err, given ? "formats: csv, json, parquet, arrow"
                                 : "endings: .csv .tsv .json .jsonl .ndjson .parquet .arrow "
                                   ".feather; or name it: read_csv('file')");
}
