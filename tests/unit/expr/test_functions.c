/* SPDX-License-Identifier: Apache-2.0 */
/* test_functions.c - every function by a table of calls, each evaluated folded, over columns and
 * with a NULL in each argument; and overload resolution. */
#include "rows.h"

#include "expr/resolve.h"

typedef struct call_case {
    const char *name;
    const char *args[5];
    const char *expected; /* "! ..." : an error that contains ... */
} call_case;

static const call_case cases[] = {
    /* arithmetic */
    {"+", {"1", "2"}, "3"},
    {"+", {"100b", "100b"}, "200"},
    {"+", {"1", "2.5"}, "3.5"},
    {"+", {"2147483647", "1L"}, "2147483648"},
    {"+", {"2147483647", "1"}, "! integer overflow: 2147483647 + 1"},
    {"+", {"9223372036854775807L", "1"}, "! integer overflow: 9223372036854775807 + 1"},
    {"-", {"-9223372036854775808L", "1"}, "! integer overflow: -9223372036854775808 - 1"},
    {"-", {"5", "7"}, "-2"},
    {"*", {"65536", "65536"}, "! integer overflow: 65536 * 65536"},
    {"*", {"65536L", "65536"}, "4294967296"},
    {"*", {"-3", "0.5"}, "-1.5"},
    {"/", {"7", "2"}, "3"},
    {"/", {"-7", "2"}, "-3"},
    {"/", {"7", "-2"}, "-3"},
    {"/", {"7", "0"}, "NULL"},
    {"/", {"7.0", "0"}, "NULL"},
    {"/", {"7.0", "2"}, "3.5"},
    {"/", {"-2147483648", "-1"}, "! integer overflow"},
    {"//", {"7.5", "2"}, "3.0"},
    {"//", {"-7", "2"}, "-3"},
    {"%", {"-7", "3"}, "-1"},
    {"%", {"7", "-3"}, "1"},
    {"%", {"7", "0"}, "NULL"},
    {"mod", {"-9223372036854775808L", "-1"}, "0"},
    {"%", {"-7.5", "2"}, "-1.5"},
    {"neg", {"5"}, "-5"},
    {"neg", {"-2147483648"}, "! integer overflow: -(-2147483648)"},
    {"neg", {"i'1 month 2 days'"}, "=i'-1 month -2 days'"},
    /* dates and intervals */
    {"+", {"d'2024-02-28'", "2"}, "2024-03-01"},
    {"+", {"2", "d'2024-02-28'"}, "2024-03-01"},
    {"-", {"d'2024-03-01'", "1"}, "2024-02-29"},
    {"-", {"d'2024-03-01'", "d'2024-02-01'"}, "29"},
    {"+", {"d'2024-01-31'", "i'1 month'"}, "=t'2024-02-29 00:00:00'"},
    {"+", {"t'2024-01-31 10:00:00'", "i'1 month'"}, "2024-02-29 10:00:00"},
    {"-", {"m'2024-03-31 10:00:00'", "i'1 month'"}, "=m'2024-02-29 10:00:00'"},
    {"+", {"t'2024-01-31 10:00:00'", "'5 minutes'"}, "2024-01-31 10:05:00"},
    {"-", {"t'2024-01-03 01:00:00'", "t'2024-01-01 00:00:00'"}, "=i'2 days 1 hour'"},
    {"-", {"t'2024-01-03 01:00:00'", "'2024-01-01'"}, "=i'2 days 1 hour'"},
    {"+", {"i'1 day'", "i'1 hour'"}, "=i'1 day 1 hour'"},
    {"-", {"i'1 day'", "i'1 hour'"}, "=i'1 day -1 hour'"},
    {"*", {"i'1 day'", "3"}, "=i'3 days'"},
    {"*", {"3", "i'90 minutes'"}, "=i'270 minutes'"},
    {"+", {"d'2024-01-01'", "9223372036854775807L"}, "! date out of range"},
    /* comparison */
    {"=", {"1", "1L"}, "true"},
    {"=", {"1b", "1.0"}, "true"},
    {"<", {"1s", "2b"}, "true"},
    {"=", {"f'nan'", "f'nan'"}, "true"},
    {">", {"f'nan'", "f'inf'"}, "true"},
    {"<", {"f'nan'", "1.0"}, "false"},
    {"<", {"1.0", "f'nan'"}, "true"},
    {">=", {"f'nan'", "f'nan'"}, "true"},
    {"<=", {"1.0", "f'nan'"}, "true"},
    {"=", {"f'-0.0'", "0.0"}, "true"},
    {"<", {"f'-0.0'", "0.0"}, "false"},
    {"<", {"'abc'", "'abcd'"}, "true"},
    {"=", {"'a text longer than a view'", "'a text longer than a view'"}, "true"},
    {"<>", {"'a text longer than a view'", "'a text longer than a vieW'"}, "true"},
    {">", {"'b'", "'a text longer than a view'"}, "true"},
    {"<", {"false", "true"}, "true"},
    {"=", {"d'2024-01-01'", "t'2024-01-01 00:00:00'"}, "true"},
    {"<", {"d'2024-01-01'", "m'2024-01-01 00:00:00.001'"}, "true"},
    {"=", {"m'2024-01-01 00:00:00'", "t'2024-01-01 00:00:00'"}, "true"},
    {">", {"t'2024-01-01 00:00:00'", "'2023-12-31'"}, "true"},
    {"=", {"'2024-01-01'", "d'2024-01-01'"}, "true"},
    {"=", {"5L", "'5'"}, "true"},
    {"=", {"i'1 day'", "i'24 hours'"}, "true"},
    {"<", {"i'29 days'", "i'1 month'"}, "true"},
    {"=", {"5", "'x'"}, "! 'x'"},
    {"greatest", {"1", "3L", "2"}, "3"},
    {"greatest", {"1", "NULL", "2.5"}, "2.5"},
    {"greatest", {"f'nan'", "1.0"}, "nan"},
    {"least", {"'b'", "'a'", "'c'"}, "a"},
    {"least", {"d'2024-01-02'", "t'2024-01-01 00:00:00'"}, "2024-01-01 00:00:00"},
    {"greatest", {"t'2024-01-02 00:00:00'", "'2024-01-05'"}, "2024-01-05 00:00:00"},
    /* choices */
    {"if", {"true", "1", "2L"}, "1"},
    {"if", {"NULL", "'x'", "'y'"}, "y"},
    {"nullif", {"1", "1"}, "NULL"},
    {"nullif", {"1", "2"}, "1"},
    {"coalesce", {"NULL", "NULL", "3"}, "3"},
    {"ifnull", {"NULL", "'z'"}, "z"},
    /* patterns */
    {"like", {"'hello'", "'h%o'"}, "true"},
    {"like", {"'hello'", "'h_llo'"}, "true"},
    {"like", {"'Hello'", "'hello'"}, "false"},
    {"ilike", {"'HeLLo'", "'%ELL%'"}, "true"},
    {"ilike", {"'\xC3\x89T\xC3\x89'", "'\xC3\xA9t_'"}, "true"},
    {"like", {"'100%'", "'100!%'", "'!'"}, "true"},
    {"like", {"'100x'", "'100!%'", "'!'"}, "false"},
    {"like", {"'x'", "'x!'", "'!'"}, "! escape"},
    {"like", {"'x'", "'x'", "'ab'"}, "! one character"},
    {"like", {"'%b'", "'%%b'", "'%'"}, "true"},
    {"similar_to", {"'abc'", "'a%'"}, "true"},
    {"similar_to", {"'a%'", "'a!%'", "'!'"}, "true"},
    {"similar_to", {"'a'", "'a'", "'ab'"}, "! one character"},
    {"glob", {"'abc'", "'a*[!x]'"}, "true"},
    {"~", {"'abc'", "'^b'"}, "false"},
    {"~*", {"'ABC'", "'b'"}, "true"},
    {"!~", {"'abc'", "'^b'"}, "true"},
    {"!~*", {"'ABC'", "'b'"}, "false"},
    {"regexp_matches", {"'abc'", "'b.'"}, "true"},
    {"regexp_like", {"'ABC'", "'b.'", "'i'"}, "true"},
    {"regexp_like", {"'ABC'", "'b.'", "'q'"}, "! unknown option"},
    {"regexp_full_match", {"'abc'", "'b.'"}, "false"},
    {"regexp_full_match", {"'abc'", "'(a'"}, "! a ( without its )"},
    {"regexp_extract", {"'a long text: x=12, y=345'", "'y=([0-9]+)'"}, "y=345"},
    {"regexp_extract", {"'a long text: x=12, y=345'", "'y=([0-9]+)'", "1"}, "345"},
    {"regexp_extract", {"'abc'", "'(b)'", "100"}, "! from 0 to 99"},
    {"regexp_extract", {"'ABC'", "'(b)'", "1", "'i'"}, "B"},
    {"regexp_replace", {"'a long text: x=12'", "'[aeiou]'", "'<\\0>'"}, "<a> long text: x=12"},
    {"regexp_replace", {"'banana'", "'a(n)?'", "'\\1-'", "'g'"}, "bn-n--"},
    {"regexp_replace", {"'banana'", "'a'", "'\\1'", "'g'"}, "! the pattern has 0"},
    {"regexp_count", {"'banana'", "'an'"}, "2"},
    {"regexp_count", {"'banana'", "'AN'", "'i'"}, "2"},
    {"regexp_escape", {"'a.b'"}, "a\\.b"},
    /* numbers */
    {"abs", {"-5b"}, "5"},
    {"abs", {"-9223372036854775808L"}, "! integer overflow: abs(-9223372036854775808)"},
    {"abs", {"-2.5"}, "2.5"},
    {"ceil", {"1.2"}, "2.0"},
    {"ceiling", {"-1.2"}, "-1.0"},
    {"floor", {"-1.2"}, "-2.0"},
    {"floor", {"7"}, "7"},
    {"round", {"2.5"}, "3.0"},
    {"round", {"-2.5"}, "-3.0"},
    {"round", {"2.345", "2"}, "2.35"},
    {"round", {"1234.5", "-2"}, "1200.0"},
    {"round", {"1250L", "-2"}, "1300"},
    {"round", {"-1250", "-2"}, "-1300"},
    {"round", {"1250", "3"}, "1250"},
    {"round", {"9223372036854775807L", "-1"}, "! integer overflow"},
    {"trunc", {"-1.9"}, "-1.0"},
    {"sqrt", {"9"}, "3.0"},
    {"sqrt", {"-1.0"}, "NULL"},
    {"ln", {"1.0"}, "0.0"},
    {"ln", {"0.0"}, "NULL"},
    {"log", {"1000"}, "3.0"},
    {"log10", {"1000.0"}, "3.0"},
    {"log2", {"8"}, "3.0"},
    {"log", {"2", "8"}, "3.0"},
    {"exp", {"0"}, "1.0"},
    {"power", {"2", "10"}, "1024.0"},
    {"pow", {"-8.0", "0.5"}, "NULL"},
    {"^", {"2", "0.5"}, "1.4142135623730951"},
    {"sign", {"-3L"}, "-1"},
    {"sign", {"0.0"}, "0.0"},
    {"pi", {}, "3.141592653589793"},
    {"e", {}, "2.718281828459045"},
    {"sin", {"0.0"}, "0.0"},
    {"sin", {"f'inf'"}, "NULL"},
    {"cos", {"0.0"}, "1.0"},
    {"tan", {"0.0"}, "0.0"},
    {"cot", {"0.0"}, "NULL"},
    {"cot", {"1.0"}, "0.6420926159343306"},
    {"asin", {"2.0"}, "NULL"},
    {"asin", {"0.0"}, "0.0"},
    {"acos", {"1.0"}, "0.0"},
    {"acos", {"-2.0"}, "NULL"},
    {"atan", {"0.0"}, "0.0"},
    {"atan2", {"0.0", "1.0"}, "0.0"},
    {"sinh", {"0.0"}, "0.0"},
    {"cosh", {"0.0"}, "1.0"},
    {"tanh", {"0.0"}, "0.0"},
    {"asinh", {"0.0"}, "0.0"},
    {"acosh", {"1.0"}, "0.0"},
    {"acosh", {"0.5"}, "NULL"},
    {"atanh", {"0.0"}, "0.0"},
    {"atanh", {"1.0"}, "NULL"},
    {"cbrt", {"-27.0"}, "-3.0"},
    {"degrees", {"0.0"}, "0.0"},
    {"radians", {"180"}, "3.141592653589793"},
    {"gamma", {"5"}, "24.0"},
    {"gamma", {"0.0"}, "NULL"},
    {"lgamma", {"1"}, "0.0"},
    {"lgamma", {"0.0"}, "NULL"},
    {"even", {"2.5"}, "4.0"},
    {"even", {"-2.1"}, "-4.0"},
    {"trunc", {"1999", "-2"}, "1900"},
    {"trunc", {"-1.999", "2"}, "-1.99"},
    {"trunc", {"5L", "-30"}, "0"},
    {"trunc", {"123.5", "-400"}, "0.0"},
    {"fdiv", {"-7", "2"}, "-4.0"},
    {"fdiv", {"1", "0"}, "NULL"},
    {"fmod", {"-7", "2"}, "1.0"},
    {"fmod", {"1", "0"}, "NULL"},
    {"div", {"-7", "2"}, "-3"},
    {"div", {"7L", "0"}, "NULL"},
    {"nextafter", {"1", "2"}, "1.0000000000000002"},
    {"isnan", {"f'nan'"}, "true"},
    {"isnan", {"1"}, "false"},
    {"isinf", {"f'-inf'"}, "true"},
    {"isinf", {"1"}, "false"},
    {"isfinite", {"f'nan'"}, "false"},
    {"isfinite", {"1"}, "true"},
    {"signbit", {"f'-0.0'"}, "true"},
    {"signbit", {"1"}, "false"},
    {"width_bucket", {"5", "0", "10", "4"}, "3"},
    {"width_bucket", {"-1", "0", "10", "4"}, "0"},
    {"width_bucket", {"10", "0", "10", "4"}, "5"},
    {"width_bucket", {"5", "10", "0", "4"}, "3"},
    {"width_bucket", {"5", "0", "0", "4"}, "! two different finite bounds"},
    {"factorial", {"20"}, "2432902008176640000"},
    {"factorial", {"21"}, "! 0 to 20"},
    {"factorial", {"-1"}, "! 0 to 20"},
    {"gcd", {"12", "-18"}, "6"},
    {"gcd", {"0", "0"}, "0"},
    {"gcd", {"-9223372036854775808L", "0"}, "! integer overflow: gcd"},
    {"lcm", {"4", "-6"}, "12"},
    {"lcm", {"0", "5"}, "0"},
    {"lcm", {"9223372036854775807L", "2"}, "! integer overflow: lcm"},
    {"&", {"6", "3"}, "2"},
    {"&", {"-1L", "5"}, "5"},
    {"|", {"6", "1"}, "7"},
    {"#", {"6", "3"}, "5"},
    {"xor", {"6", "3"}, "5"},
    {"~", {"5"}, "-6"},
    {"<<", {"1", "10"}, "1024"},
    {"<<", {"-1", "3"}, "-8"},
    {"<<", {"1", "63"}, "! integer overflow: 1 << 63"},
    {"<<", {"1", "-1"}, "! integer overflow"},
    {"<<", {"0", "100"}, "0"},
    {">>", {"-8", "1"}, "-4"},
    {">>", {"8", "64"}, "0"},
    {">>", {"8", "-1"}, "! negative number of bits"},
    {"bit_count", {"7"}, "3"},
    {"bit_count", {"-1L"}, "64"},
    /* text */
    {"upper", {"'straSSe \xC3\xA4\xCE\xB1\xD0\xB6'"}, "STRASSE \xC3\x84\xCE\x91\xD0\x96"},
    {"lower", {"'ABC\xC5\xB8z'"}, "abc\xC3\xBFz"},
    {"length", {"'h\xC3\xA9llo'"}, "5"},
    {"octet_length", {"'h\xC3\xA9llo'"}, "6"},
    {"strlen", {"''"}, "0"},
    {"substring", {"'hello world, again'", "7", "5"}, "world"},
    {"substr", {"'h\xC3\xA9llo'", "2"}, "\xC3\xA9llo"},
    {"substring", {"'hello'", "-1", "3"}, "h"},
    {"substring", {"'hello'", "2", "0"}, ""},
    {"substring", {"'hello'", "9223372036854775807L", "9223372036854775807L"}, ""},
    {"substring", {"'hello'", "4", "9223372036854775807L"}, "lo"},
    {"left", {"'h\xC3\xA9llo'", "2"}, "h\xC3\xA9"},
    {"left", {"'hello'", "-2"}, "hel"},
    {"left", {"'hello'", "-9223372036854775808L"}, ""},
    {"right", {"'hell\xC3\xB6'", "2"}, "l\xC3\xB6"},
    {"right", {"'hello'", "-2"}, "llo"},
    {"right", {"'hello'", "99"}, "hello"},
    {"trim", {"'  x y '"}, "x y"},
    {"ltrim", {"'xxabcxx'", "'x'"}, "abcxx"},
    {"rtrim", {"'abc\xC3\xA9\xC3\xA9'", "'\xC3\xA9'"}, "abc"},
    {"trim", {"'xyx'", "'xy'"}, ""},
    {"replace", {"'aXbXc'", "'X'", "'--'"}, "a--b--c"},
    {"replace", {"'abc'", "''", "'x'"}, "abc"},
    {"replace", {"'aaaa'", "'aa'", "''"}, ""},
    {"||", {"'a long enough '", "'text'"}, "a long enough text"},
    {"||", {"'n='", "5"}, "n=5"},
    {"concat", {"'a'", "NULL", "1", "true"}, "a1true"},
    {"concat_ws", {"', '", "'a'", "NULL", "'b'"}, "a, b"},
    {"concat_ws", {"NULL", "'a'", "'b'"}, "NULL"},
    {"starts_with", {"'hello'", "'he'"}, "true"},
    {"^@", {"'hello'", "'he'"}, "true"},
    {"prefix", {"'he'", "'hello'"}, "false"},
    {"ends_with", {"'hello'", "'llo'"}, "true"},
    {"suffix", {"'hello'", "'x'"}, "false"},
    {"contains", {"'hello'", "'ell'"}, "true"},
    {"contains", {"'hello'", "''"}, "true"},
    {"strpos", {"'h\xC3\xA9llo'", "'l'"}, "3"},
    {"instr", {"'hello'", "'z'"}, "0"},
    {"position", {"'hello'", "'o'"}, "5"},
    {"lpad", {"'7'", "3", "'0'"}, "007"},
    {"lpad", {"'hello'", "3"}, "hel"},
    {"rpad", {"'x'", "6", "'\xC3\xA9-'"}, "x\xC3\xA9-\xC3\xA9-\xC3\xA9"},
    {"rpad", {"'x'", "-1"}, ""},
    {"lpad", {"'x'", "9223372036854775807L"}, "! at most 64 MiB"},
    {"repeat", {"'ab'", "3"}, "ababab"},
    {"repeat", {"'ab'", "-3"}, ""},
    {"repeat", {"'ab'", "9223372036854775807L"}, "! at most 64 MiB"},
    {"reverse",
     {"'ab\xC3\xA9'"},
     "\xC3\xA9"
     "ba"},
    {"split_part", {"'a,b,c'", "','", "2"}, "b"},
    {"split_part", {"'a,b,c'", "','", "-1"}, "c"},
    {"split_part", {"'a,b,c'", "','", "-3"}, "a"},
    {"split_part", {"'a,b,c'", "','", "-4"}, ""},
    {"split_part", {"'a,b,c'", "','", "4"}, ""},
    {"split_part", {"'abc'", "''", "1"}, "abc"},
    {"split_part", {"'a,b,c'", "','", "0"}, "! counted from 1"},
    {"ascii", {"'A'"}, "65"},
    {"ascii", {"'\xE2\x82\xAC'"}, "8364"},
    {"chr", {"8364"}, "\xE2\x82\xAC"},
    {"chr", {"128512"}, "\xF0\x9F\x98\x80"},
    {"chr", {"0"}, "! no such character"},
    {"initcap", {"'hello wORLD, x-y'"}, "Hello World, X-Y"},
    {"translate", {"'12345'", "'143'", "'ax'"}, "a2x5"},
    {"translate", {"'\xC3\xA9-a'", "'a\xC3\xA9'", "'xe'"}, "e-x"},
    {"strip_accents", {"'a\xC3\xA9\xC3\xB1'"}, "aen"},
    {"overlay", {"'Txxxas'", "'hom'", "2"}, "Thomas"},
    {"overlay", {"'abc'", "'x'", "1", "0"}, "xabc"},
    {"overlay", {"'abc'", "'x'", "0"}, "! counted from 1"},
    {"quote_literal", {"'it's'"}, "'it''s'"},
    {"quote_ident", {"'ab_1'"}, "ab_1"},
    {"quote_ident", {"'A'"}, "\"A\""},
    {"bit_length", {"'ab'"}, "16"},
    {"unicode", {"'\xE2\x82\xAC'"}, "8364"},
    {"unicode", {"''"}, "-1"},
    {"ord", {"'A'"}, "65"},
    {"btrim", {"' a '"}, "a"},
    {"md5", {"'a'"}, "0cc175b9c0f1b6a831c399e269772661"},
    {"sha1", {"'a'"}, "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8"},
    {"sha256", {"'a'"}, "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"},
    {"hex", {"255"}, "FF"},
    {"hex", {"'ab'"}, "6162"},
    {"to_hex", {"0"}, "0"},
    {"bin", {"5"}, "101"},
    {"bin", {"'a'"}, "01100001"},
    {"to_binary", {"6"}, "110"},
    {"to_base64", {"'a\xC3\xA9'"}, "YcOp"},
    {"to_base64", {"'a'"}, "YQ=="},
    {"from_base64", {"'YQ=='"}, "a"},
    {"from_base64", {"'Y'"}, "! is not Base64"},
    {"from_base64", {"'/w=='"}, "! is not Base64 of UTF-8 text"},
    {"unhex", {"'4a4B'"}, "JK"},
    {"unhex", {"'4'"}, "! is not pairs of hexadecimal digits"},
    {"from_hex", {"'4g'"}, "! is not pairs of hexadecimal digits"},
    {"from_hex", {"'ff'"}, "\\xFF"},
    {"encode", {"'a\xC3\xA9'"}, "a\\xC3\\xA9"},
    {"decode", {"'YQ=='", "'base64'"}, "a"},
    {"decode", {"'YQ'", "'base64'"}, "! is not Base64"},
    {"decode", {"'YQ'", "'b'"}, "! unknown format of bytes: 'b'"},
    {"url_encode", {"'a b/~'"}, "a%20b%2F~"},
    {"url_decode", {"'a%20b%zz%2'"}, "a b%zz%2"},
    {"url_decode", {"'%ff'"}, "! is not UTF-8"},
    {"levenshtein", {"'kitten'", "'sitting'"}, "3"},
    {"levenshtein", {"''", "'abc'"}, "3"},
    {"editdist3", {"'ab'", "'b'"}, "1"},
    {"damerau_levenshtein", {"'ab'", "'ba'"}, "1"},
    {"hamming", {"'abc'", "'abd'"}, "1"},
    {"hamming", {"'a'", "'ab'"}, "! of one length"},
    {"mismatches", {"'ab'", "'cd'"}, "2"},
    {"jaccard", {"'duck'", "'luck'"}, "0.6"},
    {"jaccard", {"''", "'a'"}, "! a text is empty"},
    {"jaro_similarity", {"'duck'", "'duckdb'"}, "0.8888888888888888"},
    {"jaro_similarity", {"''", "''"}, "0.0"},
    {"jaro_winkler_similarity", {"'duck'", "'duck'"}, "1.0"},
    {"format", {"'{}-{}'", "1", "'x'"}, "1-x"},
    {"format", {"'{1} {0} {{}}'", "1", "'x'"}, "x 1 {}"},

    {"format", {"'{:05d}|{:^5}|{:,}'", "-7", "'a'", "1234567"}, "-0007|  a  |1,234,567"},
    {"format",
     {"'{:.2f} {:e} {:#x} {:+}'", "3.14159", "1.5", "255", "5"},
     "3.14 1.500000e+00 0xff +5"},
    {"format", {"'{'"}, "! a { without its }"},
    {"format", {"'{} {0}'", "1"}, "! use one way"},
    {"printf", {"'%d %s %5.2f|'", "1", "'a'", "2.5"}, "1 a  2.50|"},
    {"printf", {"'%-5s|%05d|%x|%%'", "'b'", "42", "255"}, "b    |00042|ff|%"},
    {"printf", {"'%+d % d %c'", "5", "5", "65"}, "+5  5 A"},
    {"printf", {"'%q'", "5"}, "! unknown letter"},
    {"printf", {"'%d'", "'a'"}, "! a letter of numbers"},
    {"printf", {"'%d'"}, "! more arguments"},
    /* times */
    {"strftime", {"t'2024-02-03 04:05:06.789'", "'%Y-%m-%d'"}, "2024-02-03"},
    {"strftime", {"'%H:%M:%S.%f'", "t'2024-02-03 04:05:06.789'"}, "04:05:06.789000"},
    {"strftime", {"m'2024-02-03 04:05:06.789'", "'%F %T.%L'"}, "2024-02-03 04:05:06.789"},
    {"strftime", {"d'1969-12-31'", "'%s|%j'"}, "-86400|365"},
    {"strftime", {"t'2024-02-03 04:05:06'", "'%Q'"}, "! unknown letter"},
    {"strftime",
     {"t'2024-02-03 14:05:06'", "'100%% %A %B %e, %I %p'"},
     "100% Saturday February  3, 02 PM"},
    {"date_trunc", {"'month'", "t'2024-02-03 04:05:06'"}, "2024-02-01 00:00:00"},
    {"date_trunc", {"'hour'", "m'2024-02-03 04:05:06'"}, "=m'2024-02-03 04:00:00'"},
    {"date_trunc", {"'week'", "d'2024-02-03'"}, "2024-01-29"},
    {"date_trunc", {"'day'", "'2024-02-03 04:05:06'"}, "2024-02-03 00:00:00"},
    {"date_trunc", {"'dow'", "t'2024-02-03 04:05:06'"}, "! date_trunc cuts to"},
    {"date_part", {"'year'", "t'2024-02-03 04:05:06'"}, "2024"},
    {"date_part", {"'fortnight'", "t'2024-02-03 04:05:06'"}, "! unknown part"},
    {"date_part", {"'dow'", "d'2024-02-04'"}, "0"},
    {"extract", {"'minute'", "t'1969-12-31 23:59:58'"}, "59"},
    {"year", {"d'2024-02-03'"}, "2024"},
    {"quarter", {"d'2024-05-03'"}, "2"},
    {"month", {"m'2024-02-03 04:05:06'"}, "2"},
    {"day", {"t'2024-02-03 04:05:06'"}, "3"},
    {"hour", {"t'1969-12-31 23:59:58'"}, "23"},
    {"minute", {"t'2024-02-03 04:05:06'"}, "5"},
    {"second", {"t'2024-02-03 04:05:06'"}, "6"},
    {"dayofweek", {"d'2024-02-04'"}, "0"},
    {"dayofyear", {"d'2024-02-04'"}, "35"},
    {"week", {"d'2024-01-01'"}, "1"},
    {"epoch", {"t'1970-01-01 00:00:01.5'"}, "1.5"},
    {"epoch_ms", {"1500L"}, "=m'1970-01-01 00:00:01.5'"},
    {"epoch_ms", {"t'1970-01-01 00:00:01.5'"}, "1500"},
    {"epoch_us", {"m'1970-01-01 00:00:01.5'"}, "1500000"},
    {"to_timestamp", {"1"}, "1970-01-01 00:00:01"},
    {"to_timestamp", {"1.5"}, "1970-01-01 00:00:01.5"},
    {"to_timestamp", {"9223372036854775807L"}, "! takes seconds"},
    {"make_timestamp", {"1500000"}, "1970-01-01 00:00:01.5"},
    {"time_bucket", {"i'5 minutes'", "t'2024-02-03 04:09:06'"}, "2024-02-03 04:05:00"},
    {"time_bucket", {"i'7 days'", "t'2024-02-03 04:09:06'"}, "2024-01-29 00:00:00"},
    {"time_bucket", {"i'1 hour'", "m'1969-12-31 23:30:00'"}, "=m'1969-12-31 23:00:00'"},
    {"time_bucket", {"i'3 months'", "t'1999-12-31 23:59:59'"}, "1999-10-01 00:00:00"},
    {"time_bucket", {"'1 day'", "'2024-02-03 04:09:06'"}, "2024-02-03 00:00:00"},
    {"time_bucket", {"i'0 days'", "t'2024-02-03 04:09:06'"}, "! must be positive"},
    {"date_diff", {"'day'", "t'2024-02-03 23:00:00'", "t'2024-02-04 01:00:00'"}, "1"},
    {"datediff", {"'month'", "d'2023-11-30'", "t'2024-02-01 00:00:00'"}, "3"},
    {"date_diff", {"'week'", "d'2024-02-04'", "d'2024-02-05'"}, "1"},
    {"date_diff", {"'hour'", "t'2024-02-04 01:00:00'", "t'2024-02-03 23:59:00'"}, "-2"},
    {"typeof", {"1"}, "INTEGER"},
    {"typeof", {"NULL"}, "NULL"},
};

/* ---- evaluation of one case */
static void
want_value(const call_case *k, const char *how, const value *v) {
    mem m;
    mem_init(&m, INT64_MAX);
    buf b;
    buf_init(&b, &m, 4096);
    CHECK(value_format(v, &b));
    text got = buf_text(&b);
    bool good;
    if (k->expected[0] == '=') { /* of that very type */
        const value wanted = literal(k->expected + 1);
        good = values_same(v, &wanted);
    } else {
        good = got.size == strlen(k->expected) &&
               (got.size == 0 || memcmp(got.data, k->expected, got.size) == 0);
    }
    if (!good) {
        print_error("%s(%s, ...) %s: got %s '%.*s', wanted '%s'\n", k->name,
                    k->args[0] != NULL ? k->args[0] : "", how, type_name(v->type), TEXT_ARG(got),
                    k->expected);
        fail();
    }
    buf_fini(&b);
}

static bool
want_error(const call_case *k, const char *how, status s, const error *err) {
    if (k->expected[0] != '!') {
        if (s < 0) {
            print_error("%s(%s, ...) %s: %s\n", k->name, k->args[0], how, err->message);
            fail();
        }
        return false;
    }
    if (s >= 0 || (strstr(err->message, k->expected + 2) == NULL &&
                   strstr(err->hint, k->expected + 2) == NULL)) {
        print_error("%s(%s, ...) %s: status %d '%s', wanted an error with '%s'\n", k->name,
                    k->args[0], how, s, err->message, k->expected + 2);
        fail();
    }
    return true;
}

#define ROWS 70

/* The call over columns: row i has a NULL in argument i % (n + 1), none where that is n. */
static void
check_columns(const call_case *k, arena *a, const expr *folded, uint64_t constant_mask) {
    error         err = {0};
    const int32_t n = folded->arg_count;
    column        columns[8];
    expr         *args[8];
    for (int32_t i = 0; i < n; i++) {
        value values[ROWS];
        for (int32_t r = 0; r < ROWS; r++) {
            values[r] = folded->args[i]->constant;
            values[r].is_null |= r % (n + 1) == i && (constant_mask >> i & 1) == 0;
        }
        const bool keep = (constant_mask >> i & 1) != 0;
        columns[i] = column_of(a, folded->args[i]->type, values, ROWS);
        args[i] = keep ? folded->args[i] : expr_column(a, i, folded->args[i]->type, 7);
    }
    expr        *call = expr_make(a, EXPR_CALL, folded->type, args, n, 7);
    const schema s = schema_of(a, columns, n);
    const delta  in = {.row_count = ROWS, .column_count = n, .columns = columns};
    column       out;
    program     *p;
    call->function = folded->function;
    const status compiled = program_compile(&p, a, &call, 1, &s, &err);
    if (compiled < 0) {
        (void)want_error(k, "compiled", compiled, &err);
        return;
    }
    const status ran = program_run(p, &in, &out, a, &err);
    if (want_error(k, "over columns", ran, &err)) {
        CHECK_EQ(err.position, 7);
        return;
    }
    const char *name = function_name(folded->function);
    const bool  strict = strncmp(name, "concat", 6) != 0 && strcmp(name, "greatest") != 0 &&
                        strcmp(name, "least") != 0 && strcmp(name, "typeof") != 0;
    for (int32_t r = 0; r < ROWS; r++) {
        const value v = column_value(&out, r);
        const bool  has_null = r % (n + 1) < n && (constant_mask >> (r % (n + 1)) & 1) == 0;
        if (!has_null) {
            want_value(k, "over columns", &v);
        } else if (v.is_null) { /* and zero under it, whatever lay under the NULLs of the arguments
                                 */
            static const char zeros[16];
            const size_t      width = type_width(out.type);
            CHECK(memcmp((const char *)out.values + width * (size_t)r, zeros, width) == 0);
        } else if (strict) {
            print_error("%s(%s, ...): row %d should be NULL\n", k->name, k->args[0], r);
            fail();
        }
    }
}

static void
check_case(const call_case *k) {
    error   err = {0};
    mem     m;
    arena   a;
    expr   *args[8];
    expr   *e;
    value   v;
    int32_t n = 0;
    mem_init(&m, INT64_MAX);
    arena_init(&a, &m);
    for (; n < 5 && k->args[n] != NULL; n++) {
        const value constant = literal(k->args[n]);
        args[n] = expr_constant(&a, &constant, 3);
        CHECK(args[n] != NULL);
    }
    const status called = expr_call(&e, &a, text_of(k->name), args, n, 7, &err);
    if (called < 0) {
        (void)want_error(k, "called", called, &err);
    } else {
        const status s = expr_evaluate_constant(&v, e, &a, &err);
        if (!want_error(k, "folded", s, &err)) {
            want_value(k, "folded", &v);
            CHECK(type_equal(v.type, e->type));
        }
        for (uint64_t mask = 0; e->kind == EXPR_CALL && mask + 1 < UINT64_C(1) << n; mask++) {
            check_columns(k, &a, e, mask);
        }
    }
    arena_fini(&a);
    CHECK_EQ(mem_fini(&m), 0);
}

static void
test_table(void **state UNUSED) {
    for (int32_t i = 0; i < ARRAY_COUNT(cases); i++) {
        check_case(&cases[i]);
    }
}

static void
test_resolution(void **state UNUSED) {
    error           err = {0};
    function_match  m;
    const data_type i8 = type_of(TYPE_I8), i64 = type_of(TYPE_I64), f64 = type_of(TYPE_F64);
    const data_type varchar = type_of(TYPE_TEXT);
    CHECK_OK(function_resolve(&m, TEXT("+"), (data_type[]){i8, i8}, 2, &err));
    CHECK_EQ(m.result.id, TYPE_I32);
    CHECK_EQ(m.args[1].id, TYPE_I32);
    CHECK_OK(function_resolve(&m, TEXT("+"), (data_type[]){i8, i64}, 2, &err));
    CHECK_EQ(m.result.id, TYPE_I64);
    CHECK_OK(function_resolve(&m, TEXT("+"), (data_type[]){i64, f64}, 2, &err));
    CHECK_EQ(m.args[0].id, TYPE_F64);
    CHECK_OK(function_resolve(&m, TEXT("CONCAT"), (data_type[]){varchar, i8, f64}, 3, &err));
    CHECK_EQ(m.args[7].id, TYPE_TEXT);
    CHECK_FAILS(function_resolve(&m, TEXT("flor"), &f64, 1, &err), ERR_QUERY_FAILED);
    CHECK(strstr(err.hint, "floor") != NULL);
    CHECK_FAILS(function_resolve(&m, TEXT("sqrt"), &varchar, 1, &err), ERR_QUERY_FAILED);
    CHECK(strstr(err.message, "sqrt(VARCHAR)") != NULL);
    CHECK(strstr(err.hint, "sqrt(DOUBLE)") != NULL);
    CHECK_FAILS(function_resolve(&m, TEXT("sqrt"), (data_type[]){f64, f64}, 2, &err),
                ERR_QUERY_FAILED);
    CHECK(function_exists(TEXT("Date_Trunc")) && !function_exists(TEXT("date_tronc")));
    CHECK(function_name_at(function_count()) == NULL);
}

static void
test_hash(void **state UNUSED) {
    error err = {0};
    mem   m;
    arena a;
    value v[4];
    mem_init(&m, INT64_MAX);
    arena_init(&a, &m);
    const char *const texts[4] = {"0.0", "f'-0.0'", "1.0", "NULL"};
    for (int32_t i = 0; i < 4; i++) {
        const value constant = literal(texts[i]);
        expr       *arg = expr_constant(&a, &constant, 0);
        expr       *e;
        CHECK_OK(expr_call(&e, &a, TEXT("hash"), &arg, 1, 0, &err));
        CHECK_OK(expr_evaluate_constant(&v[i], e, &a, &err));
        CHECK(!v[i].is_null);
    }
    CHECK_EQ(v[0].i, v[1].i);
    CHECK(v[0].i != v[2].i && v[0].i != v[3].i);
    arena_fini(&a);
}

/* Division and remainder by constants go another way than by columns. */
static void
test_constant_divisors(void **state UNUSED) {
    static const int64_t divisors[] = {1,
                                       -1,
                                       2,
                                       -2,
                                       3,
                                       7,
                                       10,
                                       64,
                                       123,
                                       -123,
                                       641,
                                       1000000007,
                                       INT32_MAX,
                                       INT32_MIN,
                                       INT64_MAX,
                                       INT64_MIN,
                                       INT64_C(1) << 62,
                                       6700417};
    error                err = {0};
    mem                  m;
    arena                a;
    rng                  r;
    mem_init(&m, INT64_MAX);
    arena_init(&a, &m);
    rng_init(&r, 11);
    for (int32_t width = 0; width < 2; width++) {
        const data_type t = type_of(width == 0 ? TYPE_I32 : TYPE_I64);
        for (int32_t d = 0; d < ARRAY_COUNT(divisors); d++) {
            value values[200];
            value by = {.type = t, .i = divisors[d]};
            if (width == 0 && by.i != (int32_t)by.i) {
                continue;
            }
            for (int32_t i = 0; i < 200; i++) {
                int64_t x = (int64_t)(rng_next(&r) >> rng_below(&r, 64));
                x = rng_below(&r, 4) == 0 ? (int64_t)((uint64_t)x * (uint64_t)by.i) : x;
                x = i == 0 ? (width == 0 ? INT32_MIN : INT64_MIN) : i == 1 ? INT64_MAX : x;
                x = rng_below(&r, 2) == 0 ? (int64_t)((uint64_t)0 - (uint64_t)x) : x;
                values[i] = (value){.type = t, .i = width == 0 ? (int32_t)x : x};
                values[i].is_null =
                    by.i == -1 && values[i].i == (width == 0 ? INT32_MIN : INT64_MIN);
            }
            column       c = column_of(&a, t, values, 200);
            const schema s = schema_of(&a, &c, 1);
            const delta  in = {.row_count = 200, .column_count = 1, .columns = &c};
            expr        *args[2] = {expr_column(&a, 0, t, 0), expr_constant(&a, &by, 0)};
            expr        *e[2];
            column       out[2];
            program     *p;
            CHECK_OK(expr_call(&e[0], &a, TEXT("/"), args, 2, 0, &err));
            CHECK_OK(expr_call(&e[1], &a, TEXT("%"), args, 2, 0, &err));
            CHECK_OK(program_compile(&p, &a, e, 2, &s, &err));
            CHECK_OK(program_run(p, &in, out, &a, &err));
            for (int32_t i = 0; i < 200; i++) {
                if (!values[i].is_null) {
                    CHECK_EQ(column_value(&out[0], i).i, values[i].i / by.i);
                    CHECK_EQ(column_value(&out[1], i).i, values[i].i % (by.i == -1 ? 1 : by.i));
                }
            }
        }
        arena_reset(&a);
    }
    arena_fini(&a);
}

UNIT_MAIN(UNIT(test_table), UNIT(test_resolution), UNIT(test_hash), UNIT(test_constant_divisors))
