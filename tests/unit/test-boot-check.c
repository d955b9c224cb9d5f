/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether the root can be checked at boot, by what the initramfs is made from.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/basic/macro.h"
#include "src/worker/boot-check.h"

#define PROGRAMS "usr/sbin/fsck usr/sbin/fsck.xfs usr/sbin/xfs_repair"
#define TOOLS "usr/sbin/mkinitramfs usr/share/initramfs-tools/hooks/fsck usr/share/initramfs-tools/hooks/xfs"
#define DRACUT "usr/bin/dracut usr/lib/dracut/modules.d/99fs-lib/module-setup.sh"

static const struct {
        const char *name, *files, *fstab;
        BootCheck expected;
} cases[] = {
        { "initramfs-tools", PROGRAMS " " TOOLS, "UUID=1 / xfs defaults 0 1", BOOT_CHECK_POSSIBLE },
        { "as the installer makes it", PROGRAMS " " TOOLS, "UUID=1 / xfs defaults 0 0", BOOT_CHECK_NOT_IN_FSTAB },
        { "no last field", PROGRAMS " " TOOLS, "UUID=1 / xfs defaults", BOOT_CHECK_NOT_IN_FSTAB },
        { "any type", PROGRAMS " " TOOLS, "UUID=1 / auto defaults 0 1", BOOT_CHECK_NOT_IN_FSTAB },
        { "the first line counts", PROGRAMS " " TOOLS, "#UUID=2 / xfs a 0 1\nUUID=1 / xfs a 0 0\nUUID=1 / xfs a 0 1",
          BOOT_CHECK_NOT_IN_FSTAB },
        { "others before it", PROGRAMS " " TOOLS, "UUID=2 /home ext4 defaults 0 2\nUUID=1 / xfs defaults 0 1",
          BOOT_CHECK_POSSIBLE },
        { "no line", PROGRAMS " " TOOLS, "UUID=2 /home ext4 defaults 0 2", BOOT_CHECK_NOT_IN_FSTAB },
        { "no fstab", PROGRAMS " " TOOLS, NULL, BOOT_CHECK_UNKNOWN },
        { "no hook of xfsprogs", PROGRAMS " usr/sbin/mkinitramfs usr/share/initramfs-tools/hooks/fsck",
          "UUID=1 / xfs defaults 0 1", BOOT_CHECK_NO_PROGRAM },
        { "own hook", PROGRAMS " usr/sbin/mkinitramfs usr/share/initramfs-tools/hooks/fsck "
          "etc/initramfs-tools/hooks/xfs", "UUID=1 / xfs defaults 0 1", BOOT_CHECK_POSSIBLE },
        { "no xfsprogs", "usr/sbin/fsck " TOOLS, "UUID=1 / xfs defaults 0 1", BOOT_CHECK_NO_PROGRAM },
        { "dracut", PROGRAMS " " DRACUT, "UUID=1 / xfs defaults 0 0", BOOT_CHECK_POSSIBLE },
        { "dracut without its module", PROGRAMS " usr/bin/dracut", "UUID=1 / xfs defaults 0 0", BOOT_CHECK_UNKNOWN },
        { "dracut without xfsprogs", "usr/sbin/fsck " DRACUT, "UUID=1 / xfs defaults 0 0", BOOT_CHECK_NO_PROGRAM },
        { "both", PROGRAMS " " TOOLS " " DRACUT, "UUID=1 / xfs defaults 0 1", BOOT_CHECK_UNKNOWN },
        { "neither", PROGRAMS, "UUID=1 / xfs defaults 0 1", BOOT_CHECK_UNKNOWN },
};

static void make_files(const char *folder, const char *files) {
        char command[2048];

        (void) snprintf(command, sizeof(command),
                        "cd %s && rm -rf usr etc && mkdir -p etc && "
                        "for f in %s; do mkdir -p ${f%%/*} && : >$f || exit 1; done", folder, files);
        assert_int_equal(system(command), 0);
}

static void test_cases(void **state) {
        char folder[] = "/tmp/test-boot-check.XXXXXX", path[64];

        (void) state;
        assert_non_null(mkdtemp(folder));
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                FILE *fstab;

                print_message("%s\n", cases[i].name);
                make_files(folder, cases[i].files);
                (void) snprintf(path, sizeof(path), "%s/etc/fstab", folder);
                fstab = cases[i].fstab ? fopen(path, "we") : NULL;
                if (fstab) {
                        fprintf(fstab, "# a comment\n\n%s\n", cases[i].fstab);
                        assert_int_equal(fclose(fstab), 0);
                }
                assert_int_equal(boot_check_look(folder), cases[i].expected);
        }
        (void) snprintf(path, sizeof(path), "rm -r %s", folder);
        assert_int_equal(system(path), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_cases),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
