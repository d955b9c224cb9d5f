/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What `healerctl metrics` makes of the bus: exact lines, names that somebody chose to break them, and a bound however
 * many file systems there are.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/basic/cleanup.h"
#include "src/basic/macro.h"
#include "src/ctl/ctl-metrics-text.h"
#include "src/ctl/ctl-value.h"

static json_t *parse(const char *text) {
        json_error_t error;
        json_t *value = json_loads(text, 0, &error);

        if (!value)
                print_error("%s: %s\n", text, error.text);
        assert_non_null(value);
        return value;
}

static char *metrics(const json_t *manager, const json_t *filesystems, CtlMetricsFormat format) {
        char *text = NULL;
        size_t length;
        FILE *stream = open_memstream(&text, &length);

        assert_non_null(stream);
        assert_int_equal(ctl_metrics_print(manager, filesystems, format, UINT64_C(1795179363500000), stream), 0);
        assert_int_equal(fclose(stream), 0);
        return text;
}

static void expect_lines(const char *text, const char *const *lines, size_t n) {
        for (size_t i = 0; i < n; i++) {
                if (!strstr(text, lines[i]))
                        print_error("no \"%s\" in:\n%s\n", lines[i], text);
                assert_non_null(strstr(text, lines[i]));
        }
}

static size_t count(const char *text, const char *what) {
        size_t n = 0;

        for (const char *at = text; (at = strstr(at, what)); at += strlen(what))
                n++;
        return n;
}

static void test_absent(void **state _unused_) {
        _cleanup_(free_at) char *text = metrics(NULL, NULL, CTL_METRICS_OPENMETRICS);

        assert_string_equal(text,
                            "# TYPE healerd_up gauge\n"
                            "# HELP healerd_up Whether healerd answers.\n"
                            "healerd_up 0\n"
                            "# TYPE healerd_metrics_timestamp_seconds gauge\n"
                            "# UNIT healerd_metrics_timestamp_seconds seconds\n"
                            "# HELP healerd_metrics_timestamp_seconds When this was written.\n"
                            "healerd_metrics_timestamp_seconds 1795179363.5\n"
                            "# EOF\n");
}

static const char manager_text[] =
        "{\"version\": \"1.0\", \"kernel_release\": \"7.1\", \"policy_state\": \"rejected\", \"policy_generation\": 3,"
        " \"policy_hash\": \"abc\", \"mode\": \"observe\","
        " \"events_total\": 12, \"events_lost\": 2, \"lag_usec\": 1500,"
        " \"last_event_usec\": 0, \"braked_until_usec\": 7, \"worker_connected\": true, \"history_state\": \"memory\","
        " \"routes_failing\": [\"a\", \"b\"], \"units_held\": null}";

#define SRV "{device=\"/dev/sdb\",device_number=\"8:16\",mountpoint=\"/srv\""

static void test_lines(void **state _unused_) {
        static const char *const lines[] = {
                "healerd_up 1\n",
                "healerd_build_info{version=\"1.0\",kernel=\"7.1\"} 1\n",
                "healerd_policy_info{hash=\"abc\",mode=\"observe\",state=\"rejected\"} 1\n",
                "healerd_policy_ok 0\n", "healerd_policy_generation 3\n", "healerd_policy_observing 1\n",
                "# TYPE healerd_events counter\n# HELP healerd_events Events since healerd started.\n"
                "healerd_events_total 12\n",
                "# UNIT healerd_lag_seconds seconds\n", "healerd_lag_seconds 0.0015\n", "healerd_braked 1\n",
                "healerd_worker_connected 1\n", "healerd_history_state{state=\"memory\"} 1\n",
                "healerd_routes_failing 2\n", "healerd_filesystems 1\n", "healerd_filesystems_left_out 0\n",
                "healerd_filesystem_watched" SRV "} 1\n",
                "healerd_filesystem_monitor_state" SRV ",state=\"opened\"} 1\n",
                "healerd_filesystem_healed_total" SRV "} 4\n",
                "healerd_filesystem_first_bad_timestamp_seconds" SRV "} 1795179363\n",
                "healerd_filesystem_patrol_read_bytes" SRV "} 4096\n", "healerd_filesystem_job_active" SRV "} 0\n",
                /* Two structures, one series: the worst of them, since the first of them. */
                "healerd_filesystem_condition" SRV ",code=\"sick\",severity=\"critical\"} 1\n"
                "healerd_filesystem_condition" SRV ",code=\"io-error\",severity=\"error\"} 1\n",
                "healerd_filesystem_condition_targets" SRV ",code=\"sick\"} 2\n",
                "healerd_filesystem_condition_since_timestamp_seconds" SRV ",code=\"sick\"} 0.25\n",
        };
        _cleanup_(json_decref_at) json_t *manager = parse(manager_text);
        _cleanup_(json_decref_at) json_t *filesystems = parse(
                "[{\"device\": \"/dev/sdb\", \"device_number\": \"8:16\", \"mount_points\": [\"/srv\", \"/other\"],"
                " \"watched\": true, \"monitor_state\": \"opened\", \"healed\": 4, \"last_known_good\": 0,"
                " \"first_bad_time\": 1795179363000000, \"patrol_read_bytes\": 4096,"
                " \"active_job\": \"/\", \"conditions\": ["
                "{\"code\": \"sick\", \"severity\": \"error\", \"since\": 500000},"
                "{\"code\": \"io-error\", \"severity\": \"error\", \"since\": 600000},"
                "{\"code\": \"sick\", \"severity\": \"critical\", \"since\": 250000}]}]");
        _cleanup_(free_at) char *text = metrics(manager, filesystems, CTL_METRICS_OPENMETRICS);

        expect_lines(text, lines, ELEMENTSOF(lines));
        assert_int_equal(count(text, "\nhealerd_filesystem_condition{"), 2);
        /* Never is no time, and what is not there has no sample. */
        assert_null(strstr(text, "\nhealerd_last_event_timestamp_seconds "));
        assert_null(strstr(text, "\nhealerd_filesystem_last_known_good_timestamp_seconds{"));
        assert_null(strstr(text, "\nhealerd_reports_total "));
        assert_string_equal(text + strlen(text) - 6, "# EOF\n");
}

/* The older format knows no units and no end, and its headings name what the samples are called. */
static void test_textfile(void **state _unused_) {
        static const char *const lines[] = {
                "# TYPE healerd_events_total counter\n# HELP healerd_events_total Events since healerd started.\n"
                "healerd_events_total 12\n",
                "# TYPE healerd_lag_seconds gauge\n# HELP healerd_lag_seconds ",
        };
        _cleanup_(json_decref_at) json_t *manager = parse(manager_text), *none = json_array();
        _cleanup_(free_at) char *text = metrics(manager, none, CTL_METRICS_TEXTFILE);

        expect_lines(text, lines, ELEMENTSOF(lines));
        assert_null(strstr(text, "# UNIT"));
        assert_null(strstr(text, "# EOF"));
}

static void test_hostile_names(void **state _unused_) {
        static const char *const lines[] = {
                "mountpoint=\"/a\\\"} 1\\nhealerd_up 0\\n\\\\x07\"} 1\n",
                "label=\"\\\"\\\\\"",
        };
        _cleanup_(json_decref_at) json_t *manager = parse("{}");
        _cleanup_(json_decref_at) json_t *filesystems = parse(
                "[{\"mount_points\": [\"/a\\\"} 1\\nhealerd_up 0\\n\\\\x07\"],"
                " \"label\": \"\\\"\\\\\", \"watched\": true}]");
        _cleanup_(free_at) char *text = metrics(manager, filesystems, CTL_METRICS_OPENMETRICS);

        expect_lines(text, lines, ELEMENTSOF(lines));
        assert_null(strstr(text, "\nhealerd_up 0"));
}

static void test_bound(void **state _unused_) {
        _cleanup_(json_decref_at) json_t *manager = parse("{}"), *filesystems = json_array();
        _cleanup_(free_at) char *text = NULL;

        for (int i = 0; i < CTL_METRICS_FILESYSTEMS_MAX + 50; i++) {
                char number[32];

                (void) snprintf(number, sizeof(number), "8:%d", i);
                assert_int_equal(json_array_append_new(filesystems,
                                                       json_pack("{s:s, s:b, s:[]}", "device_number", number,
                                                                 "watched", i != 305, "conditions")), 0);
        }
        text = metrics(manager, filesystems, CTL_METRICS_OPENMETRICS);
        assert_int_equal(count(text, "\nhealerd_filesystem_watched{"), CTL_METRICS_FILESYSTEMS_MAX);
        assert_non_null(strstr(text, "healerd_filesystems 306\n"));
        assert_non_null(strstr(text, "healerd_filesystems_left_out 50\n"));
        /* The one that is wrong is the last in the list, and is there. */
        assert_non_null(strstr(text, "device_number=\"8:305\",mountpoint=\"\"} 0\n"));
        assert_null(strstr(text, "device_number=\"8:304\""));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_absent),
                cmocka_unit_test(test_lines),
                cmocka_unit_test(test_textfile),
                cmocka_unit_test(test_hostile_names),
                cmocka_unit_test(test_bound),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
