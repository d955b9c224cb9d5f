/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes and removes the file system of the live tests.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "kernel/filesystem-probe.h"
#include "src/basic/cleanup.h"
#include "tests/native/live-fixture.h"

/* Every mkfs.xfs makes one of this size without questions; the file is sparse. */
#define IMAGE_BYTES (INT64_C(512) * 1024 * 1024)

static unsigned n_skipped;

int live_run(const char *format, ...) {
        char command[1024];
        va_list arguments;
        int status;

        va_start(arguments, format);
        (void) vsnprintf(command, sizeof(command), format, arguments);
        va_end(arguments);
        status = system(command);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void live_attach(Fixture *fixture) {
        struct stat status;

        /* The kernel refuses a UUID that is mounted already, and on a shared machine somebody else may test as well. */
        assert_int_equal(live_run("mount -t xfs -o loop,nouuid '%s' '%s'", fixture->image, fixture->mount_point), 0);
        fixture->is_mounted = true;
        assert_int_equal(stat(fixture->mount_point, &status), 0);
        fixture->device_number = status.st_dev;
        fixture->root_fd = filesystem_open_root(fixture->mount_point, fixture->device_number);
        assert_true(fixture->root_fd >= 0);
}

void live_detach(Fixture *fixture) {
        fixture->root_fd = close_fd(fixture->root_fd);
        assert_int_equal(umount(fixture->mount_point), 0);
        fixture->is_mounted = false;
}

/* Programs that mount run one after the other, also those of another build: one of them has a worker that looks at the
 * mounts of all. The lock ends with the program. */
static void lock_out_others(void) {
        static int lock_fd = -EBADF;

        if (lock_fd >= 0)
                return;
        lock_fd = open("/run/lock/healerd-tests", O_RDWR|O_CREAT|O_CLOEXEC, 0600);
        assert_true(lock_fd >= 0);
        assert_int_equal(flock(lock_fd, LOCK_EX), 0);
}

int live_setup(void **state) {
        Fixture *fixture = calloc(1, sizeof(*fixture));

        assert_non_null(fixture);
        lock_out_others();
        fixture->root_fd = -EBADF;
        *state = fixture;
        (void) snprintf(fixture->folder, sizeof(fixture->folder), "/tmp/healer live XXXXXX");
        assert_non_null(mkdtemp(fixture->folder));
        (void) snprintf(fixture->image, sizeof(fixture->image), "%s/image", fixture->folder);
        (void) snprintf(fixture->mount_point, sizeof(fixture->mount_point), "%s/mnt", fixture->folder);
        assert_int_equal(mkdir(fixture->mount_point, 0700), 0);
        assert_int_equal(live_run("truncate -s %" PRId64 " '%s'", IMAGE_BYTES, fixture->image), 0);
        assert_int_equal(live_run("mkfs.xfs -q -m rmapbt=1,uuid=" LIVE_UUID " -L '" LIVE_LABEL "' '%s'",
                                  fixture->image), 0);
        live_attach(fixture);
        fixture->facts.type = strdup("xfs");
        assert_non_null(fixture->facts.type);
        fixture->facts.device_number = fixture->device_number;
        assert_int_equal(filesystem_probe(fixture->root_fd, &fixture->facts), 0);
        return 0;
}

int live_teardown(void **state) {
        Fixture *fixture = *state;

        (void) close_fd(fixture->root_fd);
        if (fixture->is_mounted)
                (void) umount2(fixture->mount_point, MNT_DETACH);
        (void) live_run("rm -rf --one-file-system '%s'", fixture->folder);
        filesystem_facts_clear(&fixture->facts);
        free(fixture);
        return 0;
}

uint64_t live_make_file(const Fixture *fixture, const char *name) {
        _cleanup_(close_fd_at) int fd = openat(fixture->root_fd, name, O_RDWR|O_CREAT|O_CLOEXEC, 0600);
        struct stat status;

        assert_true(fd >= 0);
        assert_int_equal(fstat(fd, &status), 0);
        return status.st_ino;
}

void live_skip(const char *reason) {
        print_message("skipped: %s\n", reason);
        n_skipped++;
        skip();
        abort();
}

bool live_is_possible(void) {
        const char *reason = NULL;

        if (geteuid() != 0)
                reason = "needs root";
        else if (live_run("command -v mkfs.xfs xfs_db xfs_io losetup >/dev/null") != 0)
                reason = "needs xfsprogs and losetup";
        else if (live_run("modprobe -q xfs 2>/dev/null; grep -qw xfs /proc/filesystems") != 0)
                reason = "this kernel has no XFS";
        else if (live_run("losetup -f >/dev/null 2>&1") != 0)
                reason = "no loop device can be had";

        if (reason)
                printf("SKIP: %s\n", reason);
        return !reason;
}

int live_exit_status(int result, unsigned n_tests) {
        return result == 0 && n_skipped == n_tests ? LIVE_SKIPPED : result;
}
