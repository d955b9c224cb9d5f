/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Signals of healerd as JSON objects and as the lines people read.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "src/basic/cleanup.h"
#include "src/basic/macro.h"
#include "src/bus/bus-names.h"
#include "src/ctl/ctl-bus.h"
#include "src/ctl/ctl-line.h"
#include "src/ctl/ctl-value.h"

#define NOW (UINT64_C(1795182963) * USEC_PER_SEC)
#define NOW_TEXT "2026-11-20 13:56:03"

static void check_text(const char *json, const char *expected) {
        _cleanup_(json_decref_at) json_t *line = json_loads(json, 0, NULL);
        _cleanup_(free_at) char *text = NULL;
        size_t size;
        FILE *stream;

        assert_non_null(line);
        assert_int_equal(json_object_set_new(line, "time_usec", json_integer((json_int_t) NOW)), 0);
        stream = open_memstream(&text, &size);
        ctl_line_print(line, stream);
        assert_int_equal(fclose(stream), 0);
        assert_string_equal(text, expected);
}

static void test_text(void **state _unused_) {
        static const struct {
                const char *name, *json, *text;
        } cases[] = {
                { "event with the kernel's time",
                  "{'type': 'event', 'id': 17, 'kind': 'sick', 'details': {'time_nsec': 1795179363999999999,"
                  " 'text': '/srv agno 0x0 finobt: sick (3 reports)'}}",
                  "2026-11-20 12:56:03 #17 /srv agno 0x0 finobt: sick (3 reports)\n" },
                { "event without text",
                  "{'type': 'event', 'id': 17, 'kind': 'sick', 'details': {'device': '/dev/sda1'}}",
                  NOW_TEXT " #17 /dev/sda1: sick\n" },
                { "result with its cause",
                  "{'type': 'event', 'id': 18, 'kind': 'repair-done', 'details': {'cause': 17, 'text': '/srv: done'}}",
                  NOW_TEXT " #18 /srv: done (after #17)\n" },
                { "decision of a rule",
                  "{'type': 'decision', 'id': 17, 'source': 'rule', 'rule': 'heal', 'mode': 'enforce',"
                  " 'actions': ['repair', 'notify'], 'details': {}}",
                  NOW_TEXT " #17 decided by rule heal: repair, notify\n" },
                { "decision that something forbids",
                  "{'type': 'decision', 'id': 17, 'source': 'baseline', 'rule': '', 'mode': 'enforce',"
                  " 'actions': ['repair'], 'details': {'denied': [{'action': 'repair', 'reason': 'autofsck: check'},"
                  " {'action': 'scrub', 'reason': ''}]}}",
                  NOW_TEXT " #17 decided by baseline: repair; no repair (autofsck: check); no scrub\n" },
                { "decision that is not carried out",
                  "{'type': 'decision', 'id': 17, 'source': 'rule', 'rule': 'r', 'mode': 'observe', 'actions': []}",
                  NOW_TEXT " #17 decided by rule r (observing only): nothing to do\n" },
                { "repair of an inode's structure",
                  "{'type': 'action', 'id': 17, 'action': 'repair', 'result': 'still-corrupt',"
                  " 'details': {'mount': '/srv', 'domain': 'inode', 'structure': 'directory', 'inode': 133,"
                  " 'generation': 5, 'duration_usec': 11000000}}",
                  NOW_TEXT " #17 /srv ino 133 gen 0x5 directory: Repair unsuccessful; offline repair required."
                  " (repair, 11 s)\n" },
                { "repair with a detail of its own",
                  "{'type': 'action', 'id': 17, 'action': 'repair', 'result': 'failed', 'details': {'mount': '/srv',"
                  " 'detail': 'No space left on device.'}}",
                  NOW_TEXT " #17 /srv: Failed. No space left on device. (repair)\n" },
                { "scan that found nothing, asked for by a person",
                  "{'type': 'action', 'id': 0, 'action': 'scrub', 'result': 'done', 'details': {'mount': '/srv',"
                  " 'verified': true, 'detail': 'Repairs successful.'}}",
                  NOW_TEXT " /srv: Full scan done, nothing is damaged. (scrub, checked again)\n" },
                { "outcome of a newer version",
                  "{'type': 'action', 'id': 1, 'action': 'mend', 'result': 'mended', 'details': {}}",
                  NOW_TEXT " #1 unmounted file system: mended (mend)\n" },
                { "notice that would steer the terminal",
                  "{'type': 'notice', 'id': 17, 'severity': 'critical', 'message': 'a\\u001b[2Jb', 'filesystem': '/'}",
                  NOW_TEXT " #17 notice: critical: a\\x1b[2Jb\n" },
                { "policy", "{'type': 'policy', 'generation': 3, 'ok': true}",
                  NOW_TEXT " policy loaded, generation 3\n" },
                { "rejected policy", "{'type': 'policy', 'generation': 3, 'ok': false}",
                  NOW_TEXT " policy not loaded, generation 3 stays; see: healerctl policy check\n" },
                { "signal of a newer version", "{'type': 'other', 'member': 'Novelty', 'arguments': ['new', null]}",
                  NOW_TEXT " Novelty [\"new\",null]\n" },
                { "daemon gone", "{'type': 'daemon', 'running': false}",
                  NOW_TEXT " healerd stopped; waiting for it\n" },
                { "daemon there", "{'type': 'daemon', 'running': true}", NOW_TEXT " healerd is running\n" },
                { "nothing that was expected", "{'type': 'event'}", NOW_TEXT " unmounted file system: \n" },
        };

        assert_int_equal(setenv("TZ", "UTC0", 1), 0);
        tzset();
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                char json[1024];

                print_message("%s\n", cases[i].name);
                assert_true(strlen(cases[i].json) < sizeof(json));
                strcpy(json, cases[i].json);
                /* JSON in C reads better with single quotes. */
                for (char *c = json; *c; c++)
                        if (*c == '\'')
                                *c = '"';
                check_text(json, cases[i].text);
        }
}

static void make_signal(sd_bus **ret_bus, const char *member, sd_bus_message **ret_signal) {
        int fds[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC, 0, fds), 0);
        assert_true(sd_bus_new(ret_bus) >= 0);
        assert_true(sd_bus_set_fd(*ret_bus, fds[0], fds[0]) >= 0);
        assert_true(sd_bus_start(*ret_bus) >= 0);
        (void) close(fds[1]);
        assert_true(sd_bus_message_new_signal(*ret_bus, ret_signal, BUS_PATH, BUS_INTERFACE_MANAGER, member) >= 0);
}

static void check_json(sd_bus_message *signal, const char *expected) {
        _cleanup_(json_decref_at) json_t *line = NULL;
        _cleanup_(free_at) char *text = NULL;

        print_message("%s\n", expected);
        assert_true(sd_bus_message_seal(signal, 1, 0) >= 0);
        assert_int_equal(ctl_line_read(signal, NOW, &line), 0);
        text = json_dumps(line, JSON_COMPACT | JSON_PRESERVE_ORDER);
        assert_string_equal(text, expected);
}

static void test_read_decision(void **state _unused_) {
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *signal = NULL;
        _cleanup_(sd_bus_close_at) sd_bus *bus = NULL;

        make_signal(&bus, "Decision", &signal);
        assert_true(sd_bus_message_append(signal, "tsssasa{sv}", UINT64_C(17), "rule", "heal", "enforce",
                                          1, "repair", 2, "policy-generation", "t", UINT64_C(2),
                                          "denied", "a(ss)", 1, "repair", "protect: usb") >= 0);
        check_json(signal, "{\"schema\":1,\"time_usec\":1795182963000000,\"type\":\"decision\",\"id\":17,"
                           "\"source\":\"rule\",\"rule\":\"heal\",\"mode\":\"enforce\",\"actions\":[\"repair\"],"
                           "\"details\":{\"policy_generation\":2,"
                           "\"denied\":[{\"action\":\"repair\",\"reason\":\"protect: usb\"}]}}");
}

static void test_read_unknown(void **state _unused_) {
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *signal = NULL;
        _cleanup_(sd_bus_close_at) sd_bus *bus = NULL;

        make_signal(&bus, "Novelty", &signal);
        assert_true(sd_bus_message_append(signal, "st", "new", UINT64_MAX) >= 0);
        check_json(signal, "{\"schema\":1,\"time_usec\":1795182963000000,\"type\":\"other\",\"member\":\"Novelty\","
                           "\"arguments\":[\"new\",null]}");
}

/* A newer healerd may append arguments; an odd one may leave some out. */
static void test_read_more_and_less(void **state _unused_) {
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *longer = NULL, *shorter = NULL;
        _cleanup_(sd_bus_close_at) sd_bus *bus = NULL, *second_bus = NULL;

        make_signal(&bus, "PolicyReloaded", &longer);
        assert_true(sd_bus_message_append(longer, "tbs", UINT64_C(3), true, "more") >= 0);
        check_json(longer, "{\"schema\":1,\"time_usec\":1795182963000000,\"type\":\"policy\",\"generation\":3,"
                           "\"ok\":true,\"arguments\":[\"more\"]}");
        make_signal(&second_bus, "PolicyReloaded", &shorter);
        check_json(shorter, "{\"schema\":1,\"time_usec\":1795182963000000,\"type\":\"policy\"}");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_text),
                cmocka_unit_test(test_read_decision),
                cmocka_unit_test(test_read_unknown),
                cmocka_unit_test(test_read_more_and_less),
        };

        return cmocka_run_group_tests_name("ctl-line", tests, NULL, NULL);
}
