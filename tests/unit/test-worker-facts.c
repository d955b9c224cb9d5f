/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the worker finds out about the machine: places that matter, removable devices, processes.
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
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "src/basic/file.h"
#include "src/basic/macro.h"
#include "src/basic/text.h"
#include "src/worker/places.h"
#include "src/worker/process.h"
#include "src/worker/pressure.h"
#include "src/worker/removable.h"

/* Layers of an overlay in these tests: "/layer-9" is on device 8:9; anything else is out of reach. */
static int find_layer(const char *path, dev_t *ret_device) {
        unsigned number;

        if (sscanf(path, "/layer-%u", &number) != 1)
                return -ENOENT;

        *ret_device = makedev(8, number);
        return 0;
}

#define ROOT_XFS "21 1 8:1 / / rw,relatime shared:1 - xfs /dev/sda1 rw,attr2\n"
#define PROC "22 21 0:5 / /proc rw - proc proc rw\n"

static void test_roots(void **state) {
        static const struct {
                const char *name, *mountinfo;
                Tristate is_8_1, is_8_2, is_8_9;
        } cases[] = {
                { "plain", ROOT_XFS PROC, TRISTATE_YES, TRISTATE_NO, TRISTATE_NO },
                { "usr apart",
                  ROOT_XFS "30 21 8:2 / /usr ro - xfs /dev/sda2 ro\n", TRISTATE_YES, TRISTATE_YES, TRISTATE_NO },
                { "usr/local is not usr", ROOT_XFS "30 21 8:2 / /usr/local ro - xfs /dev/sda2 ro\n",
                  TRISTATE_YES, TRISTATE_NO, TRISTATE_NO },
                { "another root on top",
                  ROOT_XFS "30 21 8:2 / / rw - xfs /dev/sda2 rw\n", TRISTATE_NO, TRISTATE_YES, TRISTATE_NO },
                { "overlay",
                  "21 1 0:30 / / rw shared:1 master:2 - overlay overlay "
                  "rw,lowerdir=/layer-1:/layer-2,upperdir=/layer-9/up,workdir=/w\n",
                  TRISTATE_YES, TRISTATE_YES, TRISTATE_YES },
                { "overlay by single layers",
                  "21 1 0:30 / / rw - overlay overlay rw,lowerdir+=/layer-1,lowerdir+=/layer-2\n",
                  TRISTATE_YES, TRISTATE_YES, TRISTATE_NO },
                { "overlay, a layer out of reach", "21 1 0:30 / / rw - overlay overlay rw,lowerdir=/layer-1:/sysroot\n",
                  TRISTATE_YES, TRISTATE_UNKNOWN, TRISTATE_UNKNOWN },
                { "nonsense", "what\n\n- - -\n", TRISTATE_UNKNOWN, TRISTATE_UNKNOWN, TRISTATE_UNKNOWN },
                { "empty", "", TRISTATE_UNKNOWN, TRISTATE_UNKNOWN, TRISTATE_UNKNOWN },
        };

        (void) state;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Places places = {};

                print_message("%s\n", cases[i].name);
                assert_int_equal(places_parse_roots(cases[i].mountinfo, &places, find_layer), 0);
                assert_int_equal(places_is_root(&places, makedev(8, 1)), cases[i].is_8_1);
                assert_int_equal(places_is_root(&places, makedev(8, 2)), cases[i].is_8_2);
                assert_int_equal(places_is_root(&places, makedev(8, 9)), cases[i].is_8_9);
        }
}

static void test_state_folder(void **state) {
        static const struct {
                const char *name, *mountinfo, *path;
                unsigned minor_number;
        } cases[] = {
                { "below the root", ROOT_XFS, "/var/lib/xfs_healer", 1 },
                { "var apart", ROOT_XFS "30 21 8:2 / /var rw - xfs /dev/sda2 rw\n", "/var/lib/xfs_healer", 2 },
                { "a name that only begins so",
                  ROOT_XFS "30 21 8:2 / /va rw - xfs /dev/sda2 rw\n", "/var/lib/xfs_healer", 1 },
                { "covered",
                  "30 21 8:2 / /var rw - xfs /dev/sda2 rw\n" ROOT_XFS "31 30 8:3 / /var rw - xfs /dev/sda3 rw\n",
                  "/var/lib/xfs_healer", 3 },
                { "a mount of its own",
                  ROOT_XFS "30 21 8:2 / /var/lib/xfs_healer rw - xfs /dev/sda2 rw\n", "/var/lib/xfs_healer", 2 },
                { "a blank in the name",
                  ROOT_XFS "30 21 8:2 / /my\\040state rw - xfs /dev/sda2 rw\n", "/my state/healer", 2 },
        };

        (void) state;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Places places = {};

                print_message("%s\n", cases[i].name);
                assert_int_equal(places_is_state(&places, makedev(8, 1)), TRISTATE_UNKNOWN);
                assert_int_equal(places_parse_state(cases[i].mountinfo, cases[i].path, &places), 0);
                for (unsigned number = 1; number <= 3; number++)
                        assert_int_equal(places_is_state(&places, makedev(8, number)),
                                         number == cases[i].minor_number ? TRISTATE_YES : TRISTATE_NO);
        }
}

static void shell(const char *command) {
        print_message("%s\n", command);
        assert_int_equal(system(command), 0);
}

/* A small /sys: sda on USB, nvme soldered, a card and an eMMC chip, and stacks of them. */
static const char build_sysfs[] =
        "set -e; cd \"$SYSFS\"; mkdir -p bus/usb bus/pci bus/scsi bus/mmc dev/block virtual\n"
        "disk() { mkdir -p devices/$1; echo $3 > devices/$1/removable; ln -s ../../devices/$1 dev/block/$2; }\n"
        "disk pci0/usb1/1-2/block/sda 8:0 0; ln -s ../../../bus/usb devices/pci0/usb1/subsystem\n"
        "mkdir devices/pci0/usb1/1-2/block/sda/sda1; ln -s ../../devices/pci0/usb1/1-2/block/sda/sda1 dev/block/8:1\n"
        "disk pci0/nvme/nvme0n1 259:0 0; ln -s ../../../bus/pci devices/pci0/nvme/subsystem\n"
        "disk pci0/ata/sr0 11:0 1; disk pci0/tb/nvme1n1 259:9 0; echo removable > devices/pci0/tb/removable\n"
        "disk mmc0/card/mmcblk0 179:0 0; ln -s ../../../bus/mmc devices/mmc0/card/subsystem\n"
        "echo SD > devices/mmc0/card/type\n"
        "disk mmc1/chip/mmcblk1 179:8 0; ln -s ../../../bus/mmc devices/mmc1/chip/subsystem\n"
        "echo MMC > devices/mmc1/chip/type\n"
        "for d in 0 1 2; do mkdir -p devices/virtual/dm-$d/slaves\n"
        "ln -s ../../devices/virtual/dm-$d dev/block/253:$d; done\n"
        "ln -s ../../../pci0/nvme/nvme0n1 devices/virtual/dm-0/slaves/nvme0n1\n"
        "ln -s ../../../pci0/nvme/nvme0n1 devices/virtual/dm-1/slaves/nvme0n1\n"
        "ln -s ../../dm-2 devices/virtual/dm-1/slaves/dm-2\n"
        "ln -s ../../../pci0/usb1/1-2/block/sda/sda1 devices/virtual/dm-2/slaves/sda1\n"
        "mkdir -p devices/virtual/dm-9/slaves; ln -s ../../devices/virtual/dm-9 dev/block/253:9\n"
        "ln -s ../../dm-9 devices/virtual/dm-9/slaves/dm-9\n"
        /* The disk on USB has heads, and what is stacked on it says so too. */
        "for d in pci0/usb1/1-2/block/sda virtual/dm-2; do mkdir devices/$d/queue\n"
        "echo 1 > devices/$d/queue/rotational; done\n"
        "mkdir devices/pci0/nvme/nvme0n1/queue; echo 0 > devices/pci0/nvme/nvme0n1/queue/rotational\n";

static void test_removable(void **state) {
        static const struct {
                const char *name;
                unsigned major_number, minor_number;
                Tristate result;
                bool is_rotating;
        } cases[] = {
                { "disk on USB",             8,   0, TRISTATE_YES,    true  },
                { "partition on USB",        8,   1, TRISTATE_YES,    true  },
                { "NVMe",                    259, 0, TRISTATE_NO, false },
                { "optical drive",           11,  0, TRISTATE_YES, false },
                { "behind Thunderbolt",      259, 9, TRISTATE_YES, false },
                { "memory card",             179, 0, TRISTATE_YES, false },
                { "soldered flash",          179, 8, TRISTATE_NO, false },
                { "dm on NVMe",              253, 0, TRISTATE_NO, false },
                { "dm on NVMe and dm",       253, 1, TRISTATE_YES, false },
                { "dm on a USB partition",   253, 2, TRISTATE_YES,    true  },
                { "dm on itself",            253, 9, TRISTATE_UNKNOWN, false },
                { "no such device",          77,  7, TRISTATE_UNKNOWN, false },
        };
        char folder[] = "/tmp/test-sysfs.XXXXXX";

        (void) state;

        assert_non_null(mkdtemp(folder));
        assert_int_equal(setenv("SYSFS", folder, 1), 0);
        shell(build_sysfs);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                print_message("%s\n", cases[i].name);
                assert_int_equal(device_is_removable(folder, makedev(cases[i].major_number, cases[i].minor_number)),
                                 cases[i].result);
                assert_int_equal(device_is_rotating(folder, makedev(cases[i].major_number, cases[i].minor_number)),
                                 cases[i].is_rotating);
        }
        shell("rm -rf \"$SYSFS\"");

        assert_true(mount_point_is_for_media("/run/media/anna/STICK"));
        assert_false(mount_point_is_for_media("/run/mediator"));
}

static void test_pressure(void **state) {
        (void) state;
        assert_true(pressure_parse("some avg10=12.50 avg60=1.00 avg300=0.10 total=4242\n"
                                   "full avg10=99.00 avg60=1.00 avg300=0.10 total=42\n") == 12.5);
        assert_true(pressure_parse("some avg10=0.00 avg60=1.00") == 0);
        assert_true(pressure_parse("full avg10=50.00 avg60=1.00") == 0);
        assert_true(pressure_parse("some avg10=") == 0);
        assert_true(pressure_parse("some avg10=nan avg60=1.00") == 0);
        assert_true(pressure_parse("") == 0);
}

static void test_process_stat(void **state) {
        static const struct {
                const char *name, *stat;
                int result;
                char process_state;
                uint64_t ticks;
                bool is_kernel_thread;
        } cases[] = {
                { "plain",
                  "7 (healer) S 1 7 7 0 -1 4 1 0 0 0 0 0 0 0 20 0 1 0 4242 1000 5 18446744073709551615", 0, 'S', 4242,
                  false },
                { "parentheses and blanks",
                  "7 (a) R 99 (b) D 1 7 7 0 -1 4 1 0 0 0 0 0 0 0 20 0 1 0 17 1000 5", 0, 'D', 17, false },
                { "kernel thread",
                  "2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 9 0 0 20 0 1 0 1 0 0", 0, 'S', 1, true },
                { "cut off", "7 (healer) S 1 7 7 0 -1 4", -EBADMSG, 0, 0, false },
                { "no name", "7 healer S 1", -EBADMSG, 0, 0, false },
                { "empty", "", -EBADMSG, 0, 0, false },
        };

        (void) state;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                ProcessStat stat = {};

                print_message("%s\n", cases[i].name);
                assert_int_equal(process_stat_parse(cases[i].stat, &stat), cases[i].result);
                assert_int_equal(stat.state, cases[i].process_state);
                assert_true(stat.start_ticks == cases[i].ticks);
                assert_int_equal(stat.is_kernel_thread, cases[i].is_kernel_thread);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_roots),
                cmocka_unit_test(test_state_folder),
                cmocka_unit_test(test_pressure),
                cmocka_unit_test(test_removable),
                cmocka_unit_test(test_process_stat),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
