/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is said of units and containers: made of a plan, replaced by what became of them, cut where it gets too long.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "src/basic/cleanup.h"
#include "src/basic/macro.h"
#include "src/basic/text.h"
#include "src/model/workload-report.h"

static void take(WorkloadReports *reports, const char *unit, bool is_taken, const char *why) {
        WorkloadReport report = { .is_taken = is_taken };

        strcpy(report.workload.unit, unit);
        strcpy(report.why, why);
        assert_int_equal(workload_reports_take(reports, &report), 0);
}

static void test_plan_and_fates(_unused_ void **state) {
        _cleanup_(workload_reports_clear) WorkloadReports reports = {};
        _cleanup_(workload_plan_clear) WorkloadPlan plan = {};
        WorkloadScope scope = workload_scope_default(HOW_STOP);
        Workload db = { .unit = "db.service", .user = WORKLOAD_USER_NONE };
        WorkloadReport told = { .has_fate = true, .fate = FATE_LEFT, .is_taken = true, .n_left = 2 };
        char text[256];

        assert_int_equal(workload_plan_add(&plan, &(PlanUser) {
                .kind = USER_PROCESS, .name = "postgres", .uses = USE_OPEN, .workload = &db }), 0);
        assert_int_equal(workload_plan_add(&plan, &(PlanUser) {
                .kind = USER_LOOP, .name = "loop7", .spared_because = "belongs to the kernel" }), 0);
        assert_int_equal(workload_plan_add(&plan, &(PlanUser) {
                .kind = USER_LOOP, .name = "loop8", .spared_because = "belongs to the kernel" }), 0);
        assert_int_equal(workload_plan_decide(&plan, &(PlanGround) { .scope = &scope }), 0);
        assert_int_equal(workload_reports_take_plan(&reports, &plan), 0);
        assert_int_equal(reports.n_items, 3);
        assert_int_equal(workload_reports_n_taken(&reports), 1);
        assert_int_equal(workload_reports_n_left(&reports), 0);
        assert_false(workload_report_was_hit(reports.items));
        assert_string_equal(workload_reports_text(&reports, "would have taken: ", text, sizeof(text)),
                            "would have taken: db.service; 2 spared");
        assert_string_equal(workload_reports_story(&reports, text, sizeof(text)),
                            "db.service taken; loop7 spared: belongs to the kernel; "
                            "loop8 spared: belongs to the kernel");

        strcpy(told.workload.unit, "db.service");
        strcpy(told.why, "it waits for its disk");
        assert_int_equal(workload_reports_take(&reports, &told), 0);
        assert_int_equal(reports.n_items, 3);
        assert_int_equal(workload_reports_n_left(&reports), 1);
        assert_true(workload_report_was_hit(reports.items));
        assert_string_equal(workload_reports_text(&reports, "", text, sizeof(text)), "db.service left; 2 spared");
        assert_non_null(strstr(workload_reports_story(&reports, text, sizeof(text)),
                               "db.service left: it waits for its disk; loop7"));
}

static void test_long_lists(_unused_ void **state) {
        _cleanup_(workload_reports_clear) WorkloadReports reports = {};
        char unit[64], text[512], story[512];

        assert_string_equal(workload_reports_text(&reports, "would have taken: ", text, sizeof(text)), "");
        for (unsigned i = 0; i < WORKLOAD_PLAN_MAX + 3; i++) {
                (void) snprintf(unit, sizeof(unit), "a-rather-long-name-%u.service", i);
                take(&reports, unit, i % 2 == 0, "");
        }
        assert_int_equal(reports.n_items, WORKLOAD_PLAN_MAX);
        assert_int_equal(reports.n_omitted, 3);

        /* Whatever the size is: cut between two names, and counted. */
        for (size_t size = 128; size <= sizeof(text); size++) {
                workload_reports_text(&reports, "", text, size);
                assert_true(strlen(text) < size);
                assert_non_null(strstr(text, " more; 512 spared"));
                workload_reports_story(&reports, story, size);
                assert_true(strlen(story) < size);
                assert_true(strstr(story, "; and ") || text_starts_with(story, "; and"));
        }
}

static void test_containers(_unused_ void **state) {
        WorkloadReport report = {};
        char name[WORKLOAD_REPORT_NAME_SIZE];

        strcpy(report.workload.container, "0123456789abcdef0123456789abcdef");
        assert_string_equal(workload_report_name(&report, name), "container 0123456789ab");
        strcpy(report.workload.unit, "libpod-0123.scope");
        assert_string_equal(workload_report_name(&report, name), "libpod-0123.scope");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_plan_and_fates),
                cmocka_unit_test(test_long_lists),
                cmocka_unit_test(test_containers),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
