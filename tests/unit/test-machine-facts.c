/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which disks a file system lies on, and what feeds the machine, read from small copies of /sys.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "src/basic/macro.h"
#include "src/model/filesystem-facts.h"
#include "src/model/scan-progress.h"
#include "src/worker/disks.h"
#include "src/worker/lost-found.h"
#include "src/worker/power-watch.h"
#include "src/worker/scan-watch-child.h"
#include "src/worker/scrub-outcome.h"

static char folder[64];

static void shell(const char *command) {
        assert_int_equal(system(command), 0);
}

static int setup(_unused_ void **state) {
        (void) snprintf(folder, sizeof(folder), "/tmp/test-sysfs.XXXXXX");
        return !mkdtemp(folder) || setenv("SYSFS", folder, 1) < 0;
}

static int teardown(_unused_ void **state) {
        return system("rm -rf \"$SYSFS\"");
}

/* Two partitions of sda, a stack over one of them and sdb, a RAID of both with a partition of its own, and what is
 * stacked on itself. */
static const char build_disks[] =
        "set -e; cd \"$SYSFS\"; mkdir -p dev/block\n"
        "node() { mkdir -p devices/$1/slaves; echo $2 > devices/$1/dev; ln -s ../../devices/$1 dev/block/$2; }\n"
        "node sda 8:0; node sdb 8:16; node sda/sda1 8:1; node sda/sda2 8:2; node dm-0 253:0; node md0 9:0\n"
        "node md0/md0p1 259:1; node dm-1 253:1\n"
        "echo 1 > devices/sda/sda1/partition; echo 2 > devices/sda/sda2/partition\n"
        "echo 1 > devices/md0/md0p1/partition\n"
        "ln -s ../../sda/sda2 devices/dm-0/slaves/sda2; ln -s ../../sdb devices/dm-0/slaves/sdb\n"
        "ln -s ../../sda/sda1 devices/md0/slaves/sda1; ln -s ../../sdb devices/md0/slaves/sdb\n"
        "ln -s ../../dm-1 devices/dm-1/slaves/dm-1\n";

static void test_disks(_unused_ void **state) {
        const dev_t sda = makedev(8, 0), sdb = makedev(8, 16);
        const struct {
                const char *name;
                dev_t device;
                size_t n;
                dev_t disks[2];
        } cases[] = {
                { "a disk",               makedev(8, 0),   1, { sda } },
                { "a partition",          makedev(8, 1),   1, { sda } },
                { "another one",          makedev(8, 2),   1, { sda } },
                { "a stack",              makedev(253, 0), 2, { sda, sdb } },
                { "a RAID",               makedev(9, 0),   2, { sda, sdb } },
                { "a partition of a RAID", makedev(259, 1), 2, { sda, sdb } },
                { "on itself",            makedev(253, 1), 0, {} },
                { "none",                 makedev(0, 42),  0, {} },
        };

        shell(build_disks);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                dev_t disks[FILESYSTEM_DISKS_MAX];
                size_t n, n_found = 0;

                print_message("%s\n", cases[i].name);
                n = device_find_disks(folder, cases[i].device, disks, ELEMENTSOF(disks));
                assert_int_equal(n, cases[i].n);
                for (size_t k = 0; k < n; k++)
                        for (size_t m = 0; m < n; m++)
                                n_found += disks[k] == cases[i].disks[m];
                assert_int_equal(n_found, n);
        }
        /* As many as there is room for. */
        assert_int_equal(device_find_disks(folder, makedev(253, 0), (dev_t [1]) {}, 1), 1);
}

static void test_shared(_unused_ void **state) {
        const FilesystemFacts one = { .n_disks = 2, .disks = { 1, 2 } }, two = { .n_disks = 2, .disks = { 3, 2 } },
                              three = { .n_disks = 1, .disks = { 4 } }, unknown = {};

        assert_true(filesystem_facts_share_disk(&one, &two));
        assert_true(filesystem_facts_share_disk(&two, &one));
        assert_false(filesystem_facts_share_disk(&one, &three));
        assert_false(filesystem_facts_share_disk(&unknown, &unknown));
}

static void test_power(_unused_ void **state) {
        static const struct {
                const char *name, *build;
                bool is_on_battery;
        } cases[] = {
                { "a server",             ":", false },
                { "a laptop, plugged in", "supply AC Mains online 1; supply BAT Battery status Charging", false },
                { "a laptop on battery",  "supply AC Mains online 0; supply BAT Battery status Discharging", true },
                { "full, unplugged",      "supply AC Mains online 0; supply BAT Battery status Full", true },
                { "battery alone",        "supply BAT Battery status Discharging", true },
                { "battery alone, full",  "supply BAT Battery status Full", false },
                { "one of two plugs",     "supply AC Mains online 0; supply C USB online 1; supply BAT Battery status "
                                          "Discharging", false },
                { "unplugged server",     "supply AC Mains online 0", false },
                { "the mouse's battery",  "supply M Battery status Discharging; echo Device > M/scope", false },
                { "of the machine",       "supply B Battery status Discharging; echo System > B/scope", true },
        };

        assert_false(power_is_on_battery(folder));
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                char command[512];

                print_message("%s\n", cases[i].name);
                (void) snprintf(command, sizeof(command),
                                "set -e; rm -rf \"$SYSFS/class\"; mkdir -p \"$SYSFS/class/power_supply\"\n"
                                "cd \"$SYSFS/class/power_supply\"\n"
                                "supply() { mkdir $1; echo $2 > $1/type; echo $4 > $1/$3; }\n%s", cases[i].build);
                shell(command);
                assert_int_equal(power_is_on_battery(folder), cases[i].is_on_battery);
        }
}

static void test_scan_units(_unused_ void **state) {
        assert_true(scan_unit_is_one("xfs_scrub@srv.service"));
        assert_true(scan_unit_is_one("xfs_scrub@-.service"));
        assert_false(scan_unit_is_one("xfs_scrub@.service"));
        assert_false(scan_unit_is_one("xfs_scrub_media@srv.service"));
        assert_false(scan_unit_is_one("xfs_scrub_all.service"));
        assert_false(scan_unit_is_one("healer-scrub@srv.service"));
        assert_false(scan_unit_is_one("xfs_scrub@srv.mount"));
}

static void test_scrub_outcome(_unused_ void **state) {
        static const struct {
                const char *result;
                int status;
                Outcome outcome;
                bool has_detail;
        } cases[] = {
                { "success",   0, OUTCOME_DONE, false },
                { "exit-code", 2, OUTCOME_DONE, false },
                { "exit-code", 1, OUTCOME_FOUND_CORRUPTION, false },
                { "exit-code", 5, OUTCOME_FOUND_CORRUPTION, true },
                { "exit-code", 4, OUTCOME_FAILED, true },
                { "exit-code", 8, OUTCOME_FAILED, true },
                { "exit-code", 203, OUTCOME_FAILED, true },
                { "signal",    15, OUTCOME_FAILED, true },
                { "timeout",   0, OUTCOME_FAILED, true },
                { "",          0, OUTCOME_FAILED, true },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                char detail[JOB_DETAIL_SIZE] = "";

                print_message("%s %d\n", cases[i].result, cases[i].status);
                assert_int_equal(scrub_outcome(cases[i].result, cases[i].status, detail), cases[i].outcome);
                assert_int_equal(detail[0] != 0, cases[i].has_detail);
        }
}

static void test_scan_progress(_unused_ void **state) {
        static const struct {
                const char *line;
                bool is_one;
                unsigned phase, percent;
        } cases[] = {
                { "3 0 400 /srv\n",                          true, 3, 0 },
                { "3 180 400 /srv\n",                        true, 3, 45 },
                { "\033[K6 99 100 /srv 7 8\n",               true, 6, 99 },
                { "2 7 7 /1 2 3\n",                          true, 2, 100 },
                { "2 1 3 /\n",                               true, 2, 33 },
                { "6 9999999999999999 10000000000000000 /\n", true, 6, 99 },
                { "0 1 2 /\n",                               false, 0, 0 },
                { "3 5 4 /\n",                               false, 0, 0 },
                { "3 0 0 /\n",                               false, 0, 0 },
                { "Error: /srv\n",                           false, 0, 0 },
                { "3 -1 4 /\n",                              false, 0, 0 },
                { "",                                        false, 0, 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                ScanProgress progress = {}, again = {};
                char status[SCAN_STATUS_SIZE];

                print_message("%s", cases[i].line);
                assert_int_equal(scan_progress_read_line(cases[i].line, &progress), cases[i].is_one);
                assert_int_equal(progress.phase, cases[i].phase);
                assert_int_equal(progress.percent, cases[i].percent);
                assert_int_equal(scan_progress_read_status(scan_progress_status(&progress, status), &again),
                                 cases[i].is_one);
                assert_memory_equal(&again, &progress, sizeof(again));
        }
        assert_false(scan_progress_read_status("phase 3, 101 %", &(ScanProgress) {}));
        assert_false(scan_progress_read_status("phase 3, 10 % of it", &(ScanProgress) {}));
        assert_false(scan_progress_read_status("", &(ScanProgress) {}));
}

static void test_lost_found(_unused_ void **state) {
        char detail[JOB_DETAIL_SIZE] = "";
        LostFound *none, *before, *after;
        struct stat status;

        assert_int_equal(stat(folder, &status), 0);
        none = lost_found_read(folder, status.st_dev);
        assert_non_null(none);
        assert_int_equal(lost_found_describe(none, none, detail), 0);
        assert_string_equal(detail, "");
        /* Another file system lies over it. */
        assert_null(lost_found_read(folder, status.st_dev + 1));
        assert_null(lost_found_read("/nonexistent", status.st_dev));

        shell("mkdir \"$SYSFS/lost+found\"; cd \"$SYSFS/lost+found\"; touch 131 99; mkdir old");
        before = lost_found_read(folder, status.st_dev);
        assert_int_equal(lost_found_describe(none, before, detail), 3);
        assert_string_equal(detail, "moved to lost+found: 131, 99, old");
        shell("cd \"$SYSFS/lost+found\"; touch 140 'a b'; rm 99");
        after = lost_found_read(folder, status.st_dev);
        (void) strcpy(detail, "not everything could be scanned");
        assert_int_equal(lost_found_describe(before, after, detail), 2);
        assert_string_equal(detail, "not everything could be scanned; moved to lost+found: 140, a b");
        lost_found_free(after);

        /* More than there is room for. */
        shell("cd \"$SYSFS/lost+found\"; for i in 1 2 3 4 5 6 7 8 9; do touch $i; done");
        after = lost_found_read(folder, status.st_dev);
        detail[0] = 0;
        assert_int_equal(lost_found_describe(before, after, detail), 11);
        assert_string_equal(detail, "moved to lost+found: 1, 140, 2, 3, 4, 5, 6, 7 and 3 more");
        memset(detail, 'x', sizeof(detail) - 1);
        detail[sizeof(detail) - 40] = 0;
        assert_int_equal(lost_found_describe(before, after, detail), 11);
        assert_non_null(strstr(detail, "xx; 11 files moved to lost+found"));
        lost_found_free(after);
        lost_found_free(before);
        lost_found_free(none);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_disks, setup, teardown),
                cmocka_unit_test(test_shared),
                cmocka_unit_test_setup_teardown(test_power, setup, teardown),
                cmocka_unit_test(test_scan_units),
                cmocka_unit_test(test_scrub_outcome),
                cmocka_unit_test_setup_teardown(test_lost_found, setup, teardown),
                cmocka_unit_test(test_scan_progress),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
