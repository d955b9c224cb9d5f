/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Patterns: what matches, what does not, and what is not answered at all.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "policy/pattern.h"
#include "src/basic/macro.h"

typedef struct PatternCase {
        PatternKind kind;
        const char *pattern, *subject;
        Verdict verdict;
} PatternCase;

static const PatternCase cases[] = {
        { PATTERN_EXACT, "/srv", "/srv", VERDICT_YES },
        { PATTERN_EXACT, "/srv", "/srv/", VERDICT_NO },
        { PATTERN_EXACT, "/srv", "/sr", VERDICT_NO },
        { PATTERN_EXACT, "a*b", "axb", VERDICT_NO },

        { PATTERN_GLOB, "*", "", VERDICT_YES },
        { PATTERN_GLOB, "*", "abc", VERDICT_YES },
        { PATTERN_GLOB, "*", "a/b", VERDICT_NO },
        { PATTERN_GLOB, "**", "a/b/c", VERDICT_YES },
        { PATTERN_GLOB, "/srv/*", "/srv/a", VERDICT_YES },
        { PATTERN_GLOB, "/srv/*", "/srv/a/b", VERDICT_NO },
        { PATTERN_GLOB, "/srv/*", "/srv", VERDICT_NO },
        { PATTERN_GLOB, "/srv/**", "/srv/a/b", VERDICT_YES },
        { PATTERN_GLOB, "/srv/*/b", "/srv/a/b", VERDICT_YES },
        { PATTERN_GLOB, "/srv/*/b", "/srv/a/a/b", VERDICT_NO },
        { PATTERN_GLOB, "/srv/**/b", "/srv/a/a/b", VERDICT_YES },
        { PATTERN_GLOB, "**/*.db", "/a/b/c.db", VERDICT_YES },
        { PATTERN_GLOB, "**/*.db", "/a/b/c.dbx", VERDICT_NO },
        { PATTERN_GLOB, "a*b*c", "a-b-b-c", VERDICT_YES },
        { PATTERN_GLOB, "a*b*c", "a-b/b-c", VERDICT_NO },
        { PATTERN_GLOB, "a**b*c", "a/b/x/b-c", VERDICT_YES },
        { PATTERN_GLOB, "**a*b**c", "a/b/aab/xc", VERDICT_YES },
        { PATTERN_GLOB, "a***b", "a/x/b", VERDICT_YES },
        { PATTERN_GLOB, "**a", "aaab", VERDICT_NO },
        { PATTERN_GLOB, "/var/lib/kubelet/pods/*/volumes/**",
          "/var/lib/kubelet/pods/4711/volumes/kubernetes.io~csi/pvc/mount", VERDICT_YES },
        { PATTERN_GLOB, "a?c", "abc", VERDICT_NO },
        { PATTERN_GLOB, "[ab]*", "[ab]c", VERDICT_YES },

        { PATTERN_UNDER, "/srv", "/srv", VERDICT_YES },
        { PATTERN_UNDER, "/srv", "/srv/a/b", VERDICT_YES },
        { PATTERN_UNDER, "/srv/", "/srv/a", VERDICT_YES },
        { PATTERN_UNDER, "/srv/", "/srv", VERDICT_YES },
        { PATTERN_UNDER, "/srv", "/srv2", VERDICT_NO },
        { PATTERN_UNDER, "/srv", "/sr", VERDICT_NO },
        { PATTERN_UNDER, "/", "/", VERDICT_YES },
        { PATTERN_UNDER, "/", "/a", VERDICT_YES },
        { PATTERN_UNDER, "/", "tmpfs", VERDICT_NO },

        { PATTERN_REGEX, "^scratch[0-9]+$", "scratch12", VERDICT_YES },
        { PATTERN_REGEX, "scratch[0-9]+", "scratch12", VERDICT_YES },
        { PATTERN_REGEX, "scratch", "scratch12", VERDICT_NO },
        { PATTERN_REGEX, "scratch", "my-scratch", VERDICT_NO },
        { PATTERN_REGEX, "a|ab", "ab", VERDICT_YES },
        { PATTERN_REGEX, "scratch$", "scratch\n", VERDICT_NO },
        { PATTERN_REGEX, "/srv/.*", "/srv/a\nb", VERDICT_YES },
        { PATTERN_REGEX, ".", "\xff", VERDICT_YES },
        { PATTERN_REGEX, "..", "\xc3\xa4", VERDICT_YES },
        /* Catastrophic: no answer in reasonable time is no "no". */
        { PATTERN_REGEX, "(a+)+b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/b", VERDICT_UNKNOWN },
        { PATTERN_REGEX, "(?:a?){30}(?:a?){30}x", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/x",
          VERDICT_UNKNOWN },
};

static void test_match(_unused_ void **state) {
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(pattern_free_at) Pattern *pattern = NULL;
                char message[PATTERN_MESSAGE_SIZE] = "";

                print_message("%s on %s\n", cases[i].pattern, cases[i].subject);
                assert_int_equal(pattern_new(cases[i].kind, cases[i].pattern, &pattern, message), 0);
                assert_int_equal(pattern_match(pattern, cases[i].subject), cases[i].verdict);
                /* Working memory is used again: the answer stays. */
                assert_int_equal(pattern_match(pattern, cases[i].subject), cases[i].verdict);
                assert_string_equal(pattern_text(pattern), cases[i].pattern);
                assert_int_equal(pattern_kind(pattern), cases[i].kind);
        }
}

static void test_invalid(_unused_ void **state) {
        static const struct {
                PatternKind kind;
                const char *pattern, *message;
        } invalid[] = {
                { PATTERN_REGEX, "a(b", "missing closing parenthesis (at character 4 of it)" },
                { PATTERN_REGEX, "[a", "missing terminating ]" },
                { PATTERN_REGEX, "\\C", "\\C is disabled" },
                { PATTERN_REGEX, "(*UTF)a", "disabled" },
                { PATTERN_REGEX, "((((((((((((((((((((((((((((((((((a))))))))))))))))))))))))))))))))))", "nested" },
                { PATTERN_UNDER, "srv", "begins with \"/\"" },
        };

        for (size_t i = 0; i < ELEMENTSOF(invalid); i++) {
                Pattern *pattern = NULL;
                char message[PATTERN_MESSAGE_SIZE] = "";

                print_message("%s\n", invalid[i].pattern);
                assert_int_equal(pattern_new(invalid[i].kind, invalid[i].pattern, &pattern, message), -EINVAL);
                assert_null(pattern);
                print_message("    %s\n", message);
                assert_non_null(strstr(message, invalid[i].message));
        }
}

static void test_limits(_unused_ void **state) {
        char text[PATTERN_SUBJECT_MAX + 2], message[PATTERN_MESSAGE_SIZE];
        _cleanup_(pattern_free_at) Pattern *everything = NULL, *stars = NULL;
        Pattern *pattern = NULL;

        memset(text, 'a', sizeof(text));
        text[PATTERN_TEXT_MAX + 1] = '\0';
        assert_int_equal(pattern_new(PATTERN_EXACT, text, &pattern, message), -EINVAL);
        assert_non_null(strstr(message, "longer than"));

        assert_int_equal(pattern_new(PATTERN_GLOB, "**", &everything, message), 0);
        memset(text, 'a', sizeof(text));
        text[PATTERN_SUBJECT_MAX] = '\0';
        assert_int_equal(pattern_match(everything, text), VERDICT_YES);
        text[PATTERN_SUBJECT_MAX] = 'a';
        text[PATTERN_SUBJECT_MAX + 1] = '\0';
        assert_int_equal(pattern_match(everything, text), VERDICT_UNKNOWN);

        /* Every "a" could begin the second part: too many steps, so no answer. */
        text[PATTERN_SUBJECT_MAX] = '\0';
        assert_int_equal(pattern_new(PATTERN_GLOB, "**aaaaaaaaaa*aaaaaaaaaa*aaaaaaaaaab", &stars, message), 0);
        assert_int_equal(pattern_match(stars, text), VERDICT_UNKNOWN);
}

/* Against the definition itself, on all short texts over a small alphabet. */
static bool slow_glob(const char *pattern, const char *subject) {
        if (pattern[0] == '\0')
                return subject[0] == '\0';
        if (pattern[0] == '*' && pattern[1] == '*') {
                for (;; subject++) {
                        if (slow_glob(pattern + 2, subject))
                                return true;
                        if (*subject == '\0')
                                return false;
                }
        }
        if (pattern[0] == '*') {
                for (;; subject++) {
                        if (slow_glob(pattern + 1, subject))
                                return true;
                        if (*subject == '\0' || *subject == '/')
                                return false;
                }
        }

        return *subject == *pattern && slow_glob(pattern + 1, subject + 1);
}

static void test_glob_definition(_unused_ void **state) {
        static const char *const globs[] = {
                "a**a", "**a*", "*a**a", "a*/**a", "**a*a**", "*/*", "**/*a", "a**/a*", "*a*a*", "**a/**/a",
        };
        static const char letters[] = "a/b";

        for (size_t g = 0; g < ELEMENTSOF(globs); g++) {
                _cleanup_(pattern_free_at) Pattern *pattern = NULL;
                char message[PATTERN_MESSAGE_SIZE];

                print_message("%s\n", globs[g]);
                assert_int_equal(pattern_new(PATTERN_GLOB, globs[g], &pattern, message), 0);
                for (unsigned number = 0; number < 3 * 3 * 3 * 3 * 3 * 3 * 3; number++)
                        for (size_t length = 0; length <= 7; length++) {
                                char subject[8] = "";

                                for (size_t i = 0, rest = number; i < length; i++, rest /= 3)
                                        subject[i] = letters[rest % 3];
                                if (pattern_match(pattern, subject) !=
                                    (slow_glob(globs[g], subject) ? VERDICT_YES : VERDICT_NO))
                                        fail_msg("%s on %s", globs[g], subject);
                        }
        }
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_match),
                cmocka_unit_test(test_invalid),
                cmocka_unit_test(test_limits),
                cmocka_unit_test(test_glob_definition),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
