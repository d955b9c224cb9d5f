/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The sentences of the journal.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "src/record/journal-text.h"

static char *mounts[] = { (char *) "/srv", NULL };
static FilesystemMount mount = { .mount_id = 1, .is_whole = true, .mount_point = (char *) "/srv" };
static Filesystem filesystem = {
        .id = 1,
        .facts = { .type = (char *) "xfs", .mounts = mounts, .n_mounts = 1 },
        .mounts = &mount,
        .n_mounts = 1,
};
static const HealthEvent finobt = {
        .id = 5, .kind = EVENT_SICK, .domain = DOMAIN_AG, .structure = STRUCTURE_AG_FINOBT, .count = 1,
};

static void test_decision(void **state) {
        Decision decision = { .source = DECISION_BASELINE, .n_actions = 1, .actions[0].kind = ACTION_REPAIR };
        char text[JOURNAL_TEXT_SIZE];

        (void) state;
        assert_string_equal(journal_text_decision(&filesystem, &decision, &finobt, text),
                            "/srv agno 0x0 finobt: baseline decides repair");
        decision.mode = POLICY_MODE_OBSERVE;
        decision.source = DECISION_RULE;
        strcpy(decision.rule_id, "heal");
        strcpy(decision.actions[0].denied_by, "protect: usb");
        assert_string_equal(journal_text_decision(&filesystem, &decision, &finobt, text),
                            "/srv agno 0x0 finobt: rule heal decides repair (denied: protect: usb) (observed only)");
}

static void test_job(void **state) {
        Job job = { .state = JOB_ENDED, .report.outcome = OUTCOME_DONE };
        char text[JOURNAL_TEXT_SIZE];

        (void) state;
        strcpy(job.target_text, "agno 0x0 finobt");
        assert_string_equal(journal_text_job(&filesystem, &job, text), "/srv agno 0x0 finobt: Repairs successful.");
        job.report.outcome = OUTCOME_STILL_CORRUPT;
        assert_string_equal(journal_text_job(&filesystem, &job, text),
                            "/srv agno 0x0 finobt: Repair unsuccessful; offline repair required.");
        assert_string_equal(journal_text_job(NULL, &job, text),
                            "(gone) agno 0x0 finobt: Repair unsuccessful; offline repair required.");
}

/* Of these nothing was repaired. */
static void test_words_of_other_jobs(_unused_ void **state) {
        static const struct {
                ActionKind kind;
                bool is_dry_run;
                const char *text;
        } cases[] = {
                { ACTION_FAIL_WORKLOAD, false, "/srv: Who used it was ended. (db.service stopped)" },
                { ACTION_FAIL_WORKLOAD, true,  "/srv: Nothing was done. (db.service stopped)" },
                { ACTION_FREEZE,        false, "/srv: Who used it was frozen. (db.service stopped)" },
                { ACTION_SHUTDOWN,      false, "/srv: Shut down. (db.service stopped)" },
        };
        char text[JOURNAL_TEXT_SIZE];

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Job job = {
                        .state = JOB_ENDED,
                        .request.kind = cases[i].kind,
                        .is_dry_run = cases[i].is_dry_run,
                        .report = { .outcome = OUTCOME_DONE, .detail = "db.service stopped" },
                };

                assert_string_equal(journal_text_job(&filesystem, &job, text), cases[i].text);
        }
}

static void test_every_monitor_state_has_its_words(void **state) {
        char text[JOURNAL_TEXT_SIZE];

        (void) state;
        filesystem.monitor_state = MONITOR_FOREIGN;
        filesystem.holder_pid = 812;
        strcpy(filesystem.holder_name, "xfs_healer");
        journal_text_monitor(&filesystem, text);
        assert_non_null(strstr(text, "xfs_healer, process 812"));
        assert_null(strstr(text, "errors"));
        filesystem.has_error_watch = true;
        assert_non_null(strstr(journal_text_monitor(&filesystem, text), "; until then only errors"));
        filesystem.has_error_watch = false;

        for (MonitorState s = MONITOR_NONE; s <= MONITOR_ENDED; s++) {
                filesystem.monitor_state = s;
                assert_true(strlen(journal_text_monitor(&filesystem, text)) > strlen("/srv: "));
        }
}

static void test_names_from_elsewhere_are_escaped(void **state) {
        static char evil[] = "/srv/\033[2Jx\ny";
        char *evil_mounts[] = { evil, NULL };
        const Filesystem named = { .facts = { .type = (char *) "xfs", .mounts = evil_mounts, .n_mounts = 1 } };
        char text[JOURNAL_TEXT_SIZE];

        (void) state;
        journal_text_object(&named, NULL, text);
        assert_null(strchr(text, '\033'));
        assert_null(strchr(text, '\n'));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_decision),
                cmocka_unit_test(test_job),
                cmocka_unit_test(test_words_of_other_jobs),
                cmocka_unit_test(test_every_monitor_state_has_its_words),
                cmocka_unit_test(test_names_from_elsewhere_are_escaped),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
