/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Comparing, bounded copies that end at a character, escaping, edit distance.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/basic/cleanup.h"
#include "src/basic/text.h"

static void test_compare(_unused_ void **state) {
        assert_true(text_equal("a", "a"));
        assert_false(text_equal("a", "b"));
        assert_true(text_equal(NULL, NULL));
        assert_false(text_equal(NULL, ""));
        assert_false(text_equal("", NULL));

        assert_true(text_starts_with("xfs_healer", "xfs"));
        assert_true(text_starts_with("xfs", ""));
        assert_false(text_starts_with("xf", "xfs"));
        assert_true(text_ends_with("a.yaml", ".yaml"));
        assert_false(text_ends_with("yaml", ".yaml"));
        assert_false(text_ends_with("a.yaml~", ".yaml"));
}

static void test_copy(_unused_ void **state) {
        static const struct {
                const char *name, *source, *expected;
                int result;
        } cases[] = {
                { "fits",                      "1234567",          "1234567", 0      },
                { "one too long",              "12345678",         "1234567", -E2BIG },
                { "empty",                     "",                 "",        0      },
                { "cut before two bytes",      "123456\xc3\xa9",   "123456",  -E2BIG },
                { "cut within three bytes",    "12345\xe2\x82\xac", "12345",  -E2BIG },
                { "whole character at the end", "12345\xc3\xa9z",  "12345\xc3\xa9", -E2BIG },
                { "not UTF-8 anyway",          "1234\x80\x80\x80z", "1234\x80\x80\x80", -E2BIG },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                char buffer[8];

                print_message("%s\n", cases[i].name);
                memset(buffer, 'x', sizeof(buffer));
                assert_int_equal(text_copy(buffer, sizeof(buffer), cases[i].source), cases[i].result);
                assert_string_equal(buffer, cases[i].expected);
        }
}

static void test_append_format(_unused_ void **state) {
        char buffer[10] = "";

        assert_int_equal(text_append_format(buffer, sizeof(buffer), "%d", 12345), 0);
        assert_int_equal(text_append_format(buffer, sizeof(buffer), "-%s", "abc"), 0);
        assert_string_equal(buffer, "12345-abc");
        assert_int_equal(text_append_format(buffer, sizeof(buffer), "%s", ""), 0);
        assert_int_equal(text_append_format(buffer, sizeof(buffer), "d"), -E2BIG);
        assert_string_equal(buffer, "12345-abc");

        buffer[7] = '\0';
        assert_int_equal(text_append_format(buffer, sizeof(buffer), "%s", "\xe2\x82\xac"), -E2BIG);
        assert_string_equal(buffer, "12345-a");
}

static void test_escape(_unused_ void **state) {
        static const struct {
                const char *name, *bytes;
                size_t length;
                const char *expected;
        } cases[] = {
                { "plain",                     "a b~",                4, "a b~"                },
                { "control characters",        "a\nb\033[1m\t",       8, "a\\x0ab\\x1b[1m\\x09" },
                { "NUL inside",                "a\0b",                3, "a\\x00b"             },
                { "DEL",                       "\x7f",                1, "\\x7f"               },
                { "backslash",                 "a\\b",                3, "a\\x5cb"             },
                { "UTF-8 of each length",      "\xc3\xa9\xe2\x82\xac\xf0\x9f\x92\xbe", 9,
                  "\xc3\xa9\xe2\x82\xac\xf0\x9f\x92\xbe" },
                { "first and last of a length", "\xe0\xa0\x80\xed\x9f\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", 14,
                  "\xe0\xa0\x80\xed\x9f\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf" },
                { "control above ASCII",       "\xc2\x9b" "2J",       4, "\\xc2\\x9b2J"        },
                { "no-break space is text",    "\xc2\xa0",            2, "\xc2\xa0"            },
                { "lone continuation",         "\x80z",               2, "\\x80z"              },
                { "overlong slash",            "\xc0\xaf",            2, "\\xc0\\xaf"          },
                { "overlong three bytes",      "\xe0\x80\xaf",        3, "\\xe0\\x80\\xaf"     },
                { "overlong four bytes",       "\xf0\x80\x80\xaf",    4, "\\xf0\\x80\\x80\\xaf" },
                { "surrogate",                 "\xed\xa0\x80",        3, "\\xed\\xa0\\x80"     },
                { "beyond U+10FFFF",           "\xf4\x90\x80\x80",    4, "\\xf4\\x90\\x80\\x80" },
                { "cut character at the end",  "a\xe2\x82",           3, "a\\xe2\\x82"         },
                { "character broken off",      "\xe2\x82z",           3, "\\xe2\\x82z"         },
                { "nothing",                   "",                    0, ""                    },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(free_at) char *escaped = NULL;

                print_message("%s\n", cases[i].name);
                escaped = text_escape(cases[i].bytes, cases[i].length);
                assert_non_null(escaped);
                assert_string_equal(escaped, cases[i].expected);
        }
}

static void test_append_escaped(_unused_ void **state) {
        char buffer[8] = "a";

        assert_int_equal(text_append_escaped(buffer, sizeof(buffer), "\n", 1), 0);
        assert_string_equal(buffer, "a\\x0a");
        /* Two bytes are left: an escape is never cut in the middle. */
        assert_int_equal(text_append_escaped(buffer, sizeof(buffer), "b\nc", 3), -E2BIG);
        assert_string_equal(buffer, "a\\x0ab");
        assert_int_equal(text_append_escaped(buffer, sizeof(buffer), "c", 1), 0);
        assert_string_equal(buffer, "a\\x0abc");
        assert_int_equal(text_append_escaped(buffer, sizeof(buffer), "d", 1), -E2BIG);
}

/* The values of the function's specification: what is kept by them is found again by another build. */
static void test_hash(_unused_ void **state) {
        assert_int_equal(text_hash(""), 0x811c9dc5);
        assert_int_equal(text_hash("a"), 0xe40c292c);
        assert_int_equal(text_hash("foobar"), 0xbf9cf968);
}

static void test_distance(_unused_ void **state) {
        static const struct {
                const char *a, *b;
                size_t distance;
        } cases[] = {
                { "repair",  "repair",  0 },
                { "",        "abc",     3 },
                { "abc",     "",        3 },
                { "finobt",  "inobt",   1 },
                { "sikc",    "sick",    1 },
                { "ca",      "abc",     3 },
                { "kitten",  "sitting", 3 },
                { "corrupt", "healthy", 7 },
        };
        char long_word[66];

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                print_message("%s, %s\n", cases[i].a, cases[i].b);
                assert_int_equal(text_distance(cases[i].a, cases[i].b), cases[i].distance);
                assert_int_equal(text_distance(cases[i].b, cases[i].a), cases[i].distance);
        }

        memset(long_word, 'a', sizeof(long_word));
        long_word[65] = '\0';
        assert_int_equal(text_distance(long_word, "a"), SIZE_MAX);
        assert_int_equal(text_distance("a", long_word), SIZE_MAX);
        long_word[64] = '\0';
        assert_int_equal(text_distance(long_word, "a"), 63);
        assert_int_equal(text_distance(long_word, long_word), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_compare),
                cmocka_unit_test(test_copy),
                cmocka_unit_test(test_append_format),
                cmocka_unit_test(test_escape),
                cmocka_unit_test(test_append_escaped),
                cmocka_unit_test(test_hash),
                cmocka_unit_test(test_distance),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
