/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What `healerctl status` makes of the file systems on the bus: which one is meant, whether it is watched, how it
 * looks.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "src/basic/cleanup.h"
#include "src/basic/macro.h"
#include "src/ctl/ctl-filesystem.h"
#include "src/ctl/ctl-status-text.h"
#include "src/ctl/ctl-value.h"

static json_t *parse(const char *text) {
        _cleanup_(free_at) char *json = strdup(text);
        json_error_t error;
        json_t *value;

        assert_non_null(json);
        for (char *c = json; *c; c++)
                if (*c == '\'')
                        *c = '"';
        value = json_loads(json, 0, &error);
        if (!value)
                print_error("%s: %s\n", text, error.text);
        assert_non_null(value);
        return value;
}

static void test_watch(void **state _unused_) {
        static const struct {
                const char *filesystem;
                CtlWatch watch;
        } cases[] = {
                { "{'type': 'xfs', 'watched': true, 'monitor_state': 'opened'}", CTL_WATCHED },
                { "{'type': 'xfs', 'watched': false, 'monitor_state': 'opened'}", CTL_NOT_WATCHED },
                { "{'type': 'xfs', 'watched': false, 'monitor_state': 'none'}", CTL_NOT_WATCHED },
                { "{'type': 'xfs', 'watched': false, 'monitor_state': 'foreign'}", CTL_NOT_WATCHED },
                { "{'type': 'xfs', 'watched': false, 'monitor_state': 'failed'}", CTL_NOT_WATCHED },
                { "{'type': 'xfs', 'watched': false, 'monitor_state': 'ended'}", CTL_NOT_WATCHED },
                { "{'type': 'xfs', 'watched': false, 'monitor_state': 'unsupported'}", CTL_NOT_WATCHABLE },
                { "{'type': 'ext4', 'watched': false, 'monitor_state': 'none'}", CTL_NOT_WATCHABLE },
                { "{'type': 'ext4', 'watched': true, 'watched_by': 'fanotify', 'monitor_state': 'none'}", CTL_WATCHED },
                { "{'type': 'xfs', 'watched': false, 'watched_by': 'fanotify', 'monitor_state': 'foreign'}",
                  CTL_NOT_WATCHED },
                { "{'type': 'xfs', 'watched': false, 'monitor_state': 'from-the-future'}", CTL_NOT_WATCHED },
                { "{}", CTL_NOT_WATCHED },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(json_decref_at) json_t *filesystem = parse(cases[i].filesystem);

                print_message("%s\n", cases[i].filesystem);
                assert_int_equal(ctl_filesystem_watch(filesystem), cases[i].watch);
        }
}

static void test_state(void **state _unused_) {
        static const struct {
                const char *filesystem, *text;
        } cases[] = {
                { "{'watched': true, 'conditions': []}", "good" },
                { "{'watched': false, 'conditions': []}", "unknown" },
                { "{}", "unknown" },
                { "{'watched': true, 'shut_down': true, 'conditions': []}", "shut-down" },
                { "{'watched': true, 'conditions': [{'code': 'sick'}]}", "sick" },
                { "{'watched': false, 'conditions': [{'code': 'not-watched'}, {'code': 'sick'},"
                  " {'code': 'data-lost'}, {'code': 'sick'}]}",
                  "not-watched, sick x2, data-lost" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(json_decref_at) json_t *filesystem = parse(cases[i].filesystem);
                _cleanup_(free_at) char *text = NULL;

                print_message("%s\n", cases[i].filesystem);
                text = ctl_filesystem_state_text(filesystem);
                assert_string_equal(text, cases[i].text);
        }
}

static const char world[] =
        "[{'object': '/a', 'mount_points': ['/srv', '/mnt/a'], 'device': '/dev/sda1', 'device_number': '8:1',"
        "  'uuid': 'aaaaaaaa-0000-4000-8000-000000000000', 'type': 'xfs', 'monitor_state': 'opened', 'watched': true,"
        "  'autofsck': 'repair', 'events_total': 7, 'healed': 3, 'conditions': []},"
        " {'object': '/b', 'mount_points': ['/odd\\\\x0aname'], 'device': '/dev/sdb', 'device_number': '8:16',"
        "  'uuid': 'bbbbbbbb-0000-4000-8000-000000000000', 'type': 'ext4', 'monitor_state': 'none', 'watched': false},"
        " {'object': '/c', 'mount_points': [], 'device': '', 'device_number': '0:40',"
        "  'uuid': 'aaaaaaaa-0000-4000-8000-000000000000', 'type': 'xfs', 'monitor_state': 'foreign', 'watched': false,"
        "  'holder_name': 'xfs_healer', 'holder_pid': 812}]";

static void test_match(void **state _unused_) {
        static const struct {
                const char *name;
                CtlFound found;
                const char *object;
        } cases[] = {
                { "/srv", CTL_FOUND, "/a" },
                { "/mnt/a", CTL_FOUND, "/a" },
                { "/dev/sda1", CTL_FOUND, "/a" },
                { "8:16", CTL_FOUND, "/b" },
                { "/odd\nname", CTL_FOUND, "/b" },
                { "bbbbbbbb-0000-4000-8000-000000000000", CTL_FOUND, "/b" },
                { "BBBBBBBB-0000-4000-8000-000000000000", CTL_FOUND, "/b" },
                { "aaaaaaaa-0000-4000-8000-000000000000", CTL_FOUND_SEVERAL, NULL },
                { "/srv/", CTL_FOUND_NONE, NULL },
                { "/srv/file", CTL_FOUND_NONE, NULL },
                { "srv", CTL_FOUND_NONE, NULL },
                { "", CTL_FOUND_NONE, NULL },
        };
        _cleanup_(json_decref_at) json_t *filesystems = parse(world);

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                const json_t *filesystem = NULL;

                print_message("\"%s\"\n", cases[i].name);
                assert_int_equal(ctl_filesystem_match(filesystems, cases[i].name, &filesystem), cases[i].found);
                if (cases[i].object)
                        assert_string_equal(ctl_value_text(filesystem, "object"), cases[i].object);
        }
}

static bool legend_says(const json_t *filesystems, const char *manager_text) {
        _cleanup_(json_decref_at) json_t *manager = parse(manager_text);
        _cleanup_(free_at) char *text = NULL;
        size_t size;
        FILE *stream = open_memstream(&text, &size);

        assert_int_equal(ctl_status_print_table(manager, filesystems, true, stream), 0);
        assert_int_equal(fclose(stream), 0);
        return strstr(text, "No time zone is known, windows of time are those of UTC");
}

static void test_table(void **state _unused_) {
        _cleanup_(json_decref_at) json_t *filesystems = parse(world);
        _cleanup_(json_decref_at) json_t *manager = parse("{'mode': 'observe', 'worker_connected': false, "
                                                          "'braked_until_usec': 7, 'notifications_waiting': 12, "
                                                          "'notifications_dropped': 3, "
                                                          "'routes_failing': ['page', 'mail']}");
        _cleanup_(free_at) char *text = NULL, *bare = NULL;
        size_t size;
        FILE *stream;

        stream = open_memstream(&text, &size);
        assert_int_equal(ctl_status_print_table(manager, filesystems, true, stream), 0);
        assert_int_equal(fclose(stream), 0);
        assert_string_equal(text,
                "MOUNT         DEVICE     TYPE  MONITOR                   AUTOFSCK  STATE    EVENTS  HEALED\n"
                "/srv          /dev/sda1  xfs   watched                   repair    good          7       3\n"
                "/odd\\x0aname  /dev/sdb   ext4  none                      -         unknown       0       0\n"
                "-             -          xfs   foreign: xfs_healer[812]  -         unknown       0       0\n"
                "\n"
                "file systems: 3, watched: 1, not watched: 1, cannot be watched: 1\n"
                "The policy only observes: decisions of rules are recorded, not carried out.\n"
                "So many file systems failed at once that nothing is done any more; see: healerctl events, "
                "then: healerctl resume\n"
                "Notifications do not come through over: page, mail; waiting: 12; see: journalctl -u healerd\n"
                "Notifications that found no room and were only counted: 3\n"
                "The worker is not connected, nothing can be repaired; see: systemctl status healer-worker\n");

        /* Known, and not known. */
        assert_int_equal(legend_says(filesystems, "{'time_zone': 'Europe/Berlin', 'worker_connected': true}"), false);
        assert_int_equal(legend_says(filesystems, "{'time_zone': '', 'worker_connected': true}"), true);

        stream = open_memstream(&bare, &size);
        assert_int_equal(ctl_status_print_table(manager, filesystems, false, stream), 0);
        assert_int_equal(fclose(stream), 0);
        assert_int_equal(strncmp(bare, "/srv ", strlen("/srv ")), 0);
        assert_null(strstr(bare, "file systems:"));
}

static void test_empty_table(void **state _unused_) {
        _cleanup_(json_decref_at) json_t *filesystems = json_array();
        _cleanup_(json_decref_at) json_t *manager = parse("{'mode': 'enforce', 'policy_state': 'ok'}");
        _cleanup_(free_at) char *text = NULL;
        size_t size;
        FILE *stream;

        stream = open_memstream(&text, &size);
        assert_int_equal(ctl_status_print_table(manager, filesystems, true, stream), 0);
        assert_int_equal(fclose(stream), 0);
        assert_string_equal(text, "file systems: 0, watched: 0, not watched: 0\n");
}

static void test_one(void **state _unused_) {
        _cleanup_(json_decref_at) json_t *filesystem = parse(
                "{'object': '/a', 'mount_points': ['/srv', '/mnt/a'], 'device': '/dev/sda1', 'device_number': '8:1',"
                " 'type': 'xfs', 'uuid': 'u', 'label': 'a\\u001b', 'monitor_state': 'failed', 'monitor_error': 'EPERM',"
                " 'watched': false, 'read_only': true, 'root': true, 'autofsck': 'check', 'events_total': 2,"
                " 'reports_total': 5, 'events_lost': 1, 'healed': 1, 'refused': 2, 'failed': 3,"
                " 'handed_over': 2, 'time_to_heal_count': 2, 'time_to_heal_last_usec': 3000,"
                " 'time_to_heal_max_usec': 9000, 'time_to_heal_total_usec': 12000,"
                " 'last_event_time': 1795182963000000, 'first_bad_time': 0,"
                " 'active_job': '/org/xfs/Healer/job/4', 'conditions': [{'code': 'sick', 'severity': 'error',"
                " 'target': 'agno 0x0 finobt', 'since': 1795182963000000, 'event_id': 17, 'message': 'It is.'},"
                " {'code': 'shut-down', 'severity': 'critical', 'target': '', 'since': 0, 'event_id': 0,"
                " 'message': ''}]}");
        _cleanup_(free_at) char *text = NULL;
        size_t size;
        FILE *stream;

        assert_int_equal(setenv("TZ", "UTC0", 1), 0);
        tzset();
        stream = open_memstream(&text, &size);
        assert_int_equal(ctl_status_print_one(filesystem, stream), 0);
        assert_int_equal(fclose(stream), 0);
        assert_string_equal(text,
                "/srv: sick, shut-down\n"
                "  also at       /mnt/a\n"
                "  device        /dev/sda1 (8:1)\n"
                "  type          xfs\n"
                "  uuid          u\n"
                "  label         a\\x1b\n"
                "  is            read-only, root\n"
                "  monitor       failed: EPERM\n"
                "                see: journalctl -u healerd -u healer-worker\n"
                "  autofsck      check\n"
                "  events        2 (reports: 5, lost: 1)\n"
                "  actions       healed: 1, refused: 2, failed: 3\n"
                "  time to heal  last: 3 ms, longest: 9 ms, on average: 6 ms\n"
                "  handed over   2 times: no online repair mends it\n"
                "  last event    2026-11-20 13:56:03\n"
                "  job           /org/xfs/Healer/job/4\n"
                "  conditions\n"
                "    2026-11-20 13:56:03 #17 sick agno 0x0 finobt (error): It is.\n"
                "    - shut-down (critical)\n");
}

static void test_covering(void **state _unused_) {
        _cleanup_(free_at) char *root = NULL, *of_root = NULL, *none = NULL;

        assert_int_equal(ctl_mount_covering("/", &root), 0);
        assert_string_equal(root, "/");
        assert_int_equal(ctl_mount_covering("/..", &of_root), 0);
        assert_string_equal(of_root, "/");
        assert_int_equal(ctl_mount_covering("/nowhere/at/all", &none), -ENOENT);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_watch),
                cmocka_unit_test(test_state),
                cmocka_unit_test(test_match),
                cmocka_unit_test(test_table),
                cmocka_unit_test(test_empty_table),
                cmocka_unit_test(test_one),
                cmocka_unit_test(test_covering),
        };

        return cmocka_run_group_tests_name("ctl-status", tests, NULL, NULL);
}
