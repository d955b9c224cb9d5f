/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every word, severity and errno name.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <syslog.h>

#include "src/basic/text.h"
#include "src/model/vocabulary.h"

/*
 * The words once more, in the order of the enums: they are in people's policies and scripts, so that a change here
 * must hurt.
 */
static const char *const kinds[] = {
        "unrecognised",     "sick",           "corrupt",       "healthy",     "shutdown",     "media-error",
        "read-error",       "write-error",    "data-lost",     "events-lost", "watching",     "unmounted",
        "filesystem-error", "repair-done",    "repair-failed", "scrub-done",  "scrub-failed", "survey-done",
        "survey-failed",    "verify-done",    "verify-failed", "unit-done",   "unit-failed",  "workload-failed",
        "workload-left",    "workload-frozen", "shutdown-done", "shutdown-failed", "recycle-done", "recycle-failed",
        "action-refused",   "monitor-lost",   "check-due",
};
static const char *const sources[] = { "healthmon", "fanotify", "survey", "healerd", "foreign" };
static const char *const domains[] = {
        "unrecognised", "mount", "fs", "ag", "rtgroup", "inode", "datadev", "logdev", "rtdev", "filerange",
};
static const char *const severities[] = { "alert", "critical", "error", "warning", "notice", "info" };
static const char *const actions[] = {
        "log", "notify", "condition", "survey", "repair", "scrub", "verify-media", "fail-workload", "freeze",
        "shutdown", "recycle", "start-unit",
};
static const char *const autofsck_words[] = { "unset", "none", "check", "optimize", "repair" };

/* One function for each enum, because each has functions of its own type. */
#define DEFINE_WORDS_TEST(prefix, type, words)                                                  \
        static void test_words_##prefix(_unused_ void **state) {                                \
                for (size_t i = 0; i < ELEMENTSOF(words); i++) {                                \
                        type value = (type) 99;                                                 \
                                                                                                \
                        print_message("%s\n", words[i]);                                        \
                        assert_string_equal(prefix##_to_name((type) i), words[i]);              \
                        assert_int_equal(prefix##_from_name(words[i], &value), 0);              \
                        assert_int_equal(value, i);                                             \
                }                                                                               \
                type untouched = (type) 1;                                                      \
                                                                                                \
                assert_null(prefix##_to_name((type) ELEMENTSOF(words)));                        \
                assert_int_equal(prefix##_from_name("", &untouched), -EINVAL);                  \
                assert_int_equal(prefix##_from_name("Repair", &untouched), -EINVAL);            \
                assert_int_equal(untouched, 1);                                                 \
        }

DEFINE_WORDS_TEST(event_kind, EventKind, kinds)
DEFINE_WORDS_TEST(event_source, EventSource, sources)
DEFINE_WORDS_TEST(event_domain, EventDomain, domains)
DEFINE_WORDS_TEST(severity, Severity, severities)
DEFINE_WORDS_TEST(action_kind, ActionKind, actions)
DEFINE_WORDS_TEST(autofsck, Autofsck, autofsck_words)

static void test_counts(_unused_ void **state) {
        assert_int_equal(ELEMENTSOF(kinds), N_EVENT_KINDS);
        assert_int_equal(ELEMENTSOF(domains), N_EVENT_DOMAINS);
        assert_int_equal(ELEMENTSOF(actions), N_ACTION_KINDS);
}

static void test_structures(_unused_ void **state) {
        static const struct {
                EventDomain domain;
                const char *words;      /* in the order of the kernel's bits and of our enum */
        } rows[] = {
                { DOMAIN_FS,
                  "fscounters usrquota grpquota prjquota bitmap summary quotacheck nlinks metadir metapath" },
                { DOMAIN_AG, "super agf agfl agi bnobt cntbt inobt finobt rmapbt refcountbt inodes" },
                { DOMAIN_RTGROUP, "super bitmap summary rmapbt refcountbt" },
                { DOMAIN_INODE, "core datafork attrfork cowfork directory xattr symlink parent dirtree" },
        };
        Structure expected = STRUCTURE_FS_COUNTERS, structure;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                char words[128], *rest = NULL;

                print_message("%s\n", event_domain_to_name(rows[i].domain));
                assert_int_equal(text_copy(words, sizeof(words), rows[i].words), 0);
                for (const char *word = strtok_r(words, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
                        structure = STRUCTURE_NONE;
                        assert_int_equal(structure_from_name(rows[i].domain, word, &structure), 0);
                        assert_int_equal(structure, expected);
                        assert_string_equal(structure_to_name(structure), word);
                        assert_int_equal(structure_domain(structure), rows[i].domain);
                        assert_true(structure_name_exists(word));
                        expected++;
                }
        }
        assert_int_equal(expected, N_STRUCTURES);

        structure = STRUCTURE_AG_AGF;
        assert_int_equal(structure_from_name(DOMAIN_INODE, "finobt", &structure), -EINVAL);
        assert_int_equal(structure_from_name(DOMAIN_MOUNT, "super", &structure), -EINVAL);
        assert_int_equal(structure_from_name(DOMAIN_UNRECOGNISED, "super", &structure), -EINVAL);
        assert_int_equal(structure_from_name(DOMAIN_AG, "", &structure), -EINVAL);
        assert_int_equal(structure, STRUCTURE_AG_AGF);
        assert_int_equal(structure_from_name(DOMAIN_AG, "unrecognised", &structure), 0);
        assert_int_equal(structure, STRUCTURE_UNRECOGNISED);

        assert_null(structure_to_name(STRUCTURE_NONE));
        assert_null(structure_to_name((Structure) N_STRUCTURES));
        assert_string_equal(structure_to_name(STRUCTURE_UNRECOGNISED), "unrecognised");
        assert_int_equal(structure_domain(STRUCTURE_NONE), DOMAIN_UNRECOGNISED);
        assert_int_equal(structure_domain((Structure) N_STRUCTURES), DOMAIN_UNRECOGNISED);
        assert_true(structure_name_exists("unrecognised"));
        assert_false(structure_name_exists("sick"));
        assert_false(structure_name_exists(""));
}

static void test_severities(_unused_ void **state) {
        static const struct {
                EventKind kind;
                Severity severity;
                bool is_result;
        } cases[] = {
                { EVENT_UNRECOGNISED,   SEVERITY_WARNING,  false },
                { EVENT_SICK,           SEVERITY_ERROR,    false },
                { EVENT_CORRUPT,        SEVERITY_ERROR,    false },
                { EVENT_HEALTHY,        SEVERITY_NOTICE,   false },
                { EVENT_SHUTDOWN,       SEVERITY_CRITICAL, false },
                { EVENT_MEDIA_ERROR,    SEVERITY_ERROR,    false },
                { EVENT_READ_ERROR,     SEVERITY_ERROR,    false },
                { EVENT_WRITE_ERROR,    SEVERITY_ERROR,    false },
                { EVENT_DATA_LOST,      SEVERITY_CRITICAL, false },
                { EVENT_EVENTS_LOST,    SEVERITY_ERROR,    false },
                { EVENT_WATCHING,       SEVERITY_INFO,     false },
                { EVENT_UNMOUNTED,      SEVERITY_INFO,     false },
                { EVENT_FILESYSTEM_ERROR, SEVERITY_ERROR,  false },
                { EVENT_REPAIR_DONE,    SEVERITY_NOTICE,   true  },
                { EVENT_REPAIR_FAILED,  SEVERITY_ERROR,    true  },
                { EVENT_SCRUB_DONE,     SEVERITY_NOTICE,   true  },
                { EVENT_SCRUB_FAILED,   SEVERITY_ERROR,    true  },
                { EVENT_SURVEY_DONE,    SEVERITY_NOTICE,   true  },
                { EVENT_SURVEY_FAILED,  SEVERITY_WARNING,  true  },
                { EVENT_VERIFY_DONE,    SEVERITY_NOTICE,   true  },
                { EVENT_VERIFY_FAILED,  SEVERITY_WARNING,  true  },
                { EVENT_UNIT_DONE,      SEVERITY_NOTICE,   true  },
                { EVENT_UNIT_FAILED,    SEVERITY_ERROR,    true  },
                { EVENT_WORKLOAD_FAILED, SEVERITY_CRITICAL, true },
                { EVENT_WORKLOAD_LEFT,  SEVERITY_CRITICAL, true  },
                { EVENT_WORKLOAD_FROZEN, SEVERITY_WARNING, true  },
                { EVENT_SHUTDOWN_DONE,  SEVERITY_CRITICAL, true  },
                { EVENT_SHUTDOWN_FAILED, SEVERITY_ERROR,   true  },
                { EVENT_RECYCLE_DONE,   SEVERITY_WARNING,  true  },
                { EVENT_RECYCLE_FAILED, SEVERITY_CRITICAL, true  },
                { EVENT_ACTION_REFUSED, SEVERITY_WARNING,  true  },
                { EVENT_MONITOR_LOST,   SEVERITY_ERROR,    true  },
                { EVENT_CHECK_DUE,      SEVERITY_INFO,     true  },
        };
        static const int levels[] = { LOG_ALERT, LOG_CRIT, LOG_ERR, LOG_WARNING, LOG_NOTICE, LOG_INFO };

        assert_int_equal(ELEMENTSOF(cases), N_EVENT_KINDS);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                print_message("%s\n", event_kind_to_name(cases[i].kind));
                assert_int_equal(event_kind_severity(cases[i].kind), cases[i].severity);
                assert_int_equal(event_kind_is_result(cases[i].kind), cases[i].is_result);
        }

        for (size_t i = 0; i < ELEMENTSOF(levels); i++)
                assert_int_equal(severity_to_syslog((Severity) i), levels[i]);
}

static void test_destructive(_unused_ void **state) {
        static const char *const destructive[] = {
                "repair", "scrub", "fail-workload", "freeze", "shutdown", "recycle",
        };

        for (size_t i = 0; i < N_ACTION_KINDS; i++) {
                bool expected = false;

                for (size_t j = 0; j < ELEMENTSOF(destructive); j++)
                        if (text_equal(destructive[j], action_kind_to_name((ActionKind) i)))
                                expected = true;
                print_message("%s\n", action_kind_to_name((ActionKind) i));
                assert_int_equal(action_kind_is_destructive((ActionKind) i), expected);
        }
}

static void test_shutdown_reasons(_unused_ void **state) {
        static const char *const texts[] = {
                "metadata I/O error", "log I/O error", "forced unmount", "in-memory state corruption",
                "ondisk metadata corruption", "device removed",
        };

        for (unsigned bit = 0; bit < 32; bit++)
                if (bit < ELEMENTSOF(texts))
                        assert_string_equal(shutdown_reason_to_text(UINT32_C(1) << bit), texts[bit]);
                else
                        assert_null(shutdown_reason_to_text(UINT32_C(1) << bit));
        assert_null(shutdown_reason_to_text(0));
        assert_null(shutdown_reason_to_text(3));
}

static void test_errno_names(_unused_ void **state) {
        static const struct {
                const char *name;
                int error;
        } aliases[] = {
                { "EWOULDBLOCK", EAGAIN }, { "EDEADLOCK", EDEADLK }, { "ENOTSUP", EOPNOTSUPP },
                { "EFSCORRUPTED", EUCLEAN }, { "EFSBADCRC", EBADMSG },
        };
        int error = 7777;

        /* The C library's own table; values beyond it are kernel-internal. */
        for (int i = 0; i < 4096; i++) {
                const char *name = errno_to_name(i), *expected = i == 0 ? NULL : strerrorname_np(i);

                if (!expected) {
                        assert_null(name);
                        continue;
                }
                print_message("%s\n", expected);
                assert_non_null(name);
                assert_string_equal(name, expected);
                assert_int_equal(errno_from_name(name, &error), 0);
                assert_int_equal(error, i);
        }

        assert_string_equal(errno_to_name(EUCLEAN), "EUCLEAN");
        assert_null(errno_to_name(-EIO));
        for (size_t i = 0; i < ELEMENTSOF(aliases); i++) {
                print_message("%s\n", aliases[i].name);
                assert_int_equal(errno_from_name(aliases[i].name, &error), 0);
                assert_int_equal(error, aliases[i].error);
        }

        error = 7777;
        assert_int_equal(errno_from_name("EBOGUS", &error), -EINVAL);
        assert_int_equal(errno_from_name("enospc", &error), -EINVAL);
        assert_int_equal(errno_from_name("", &error), -EINVAL);
        assert_int_equal(errno_from_name("28", &error), -EINVAL);
        assert_int_equal(error, 7777);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_words_event_kind),
                cmocka_unit_test(test_words_event_source),
                cmocka_unit_test(test_words_event_domain),
                cmocka_unit_test(test_words_severity),
                cmocka_unit_test(test_words_action_kind),
                cmocka_unit_test(test_words_autofsck),
                cmocka_unit_test(test_counts),
                cmocka_unit_test(test_structures),
                cmocka_unit_test(test_severities),
                cmocka_unit_test(test_destructive),
                cmocka_unit_test(test_shutdown_reasons),
                cmocka_unit_test(test_errno_names),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
