/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Monitor, check, repair and pinning against the kernel that runs, with a real XFS on a loop device. Needs root;
 * what this kernel or xfsprogs does not have is skipped with the reason.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "kernel/filesystem-probe.h"
#include "kernel/health-monitor.h"
#include "kernel/health-record.h"
#include "kernel/metadata-repair.h"
#include "src/basic/cleanup.h"
#include "src/basic/macro.h"
#include "tests/native/live-fixture.h"

static int open_monitor(const Fixture *fixture) {
        int fd = health_monitor_open(fixture->root_fd);

        if (fd == -ENOTTY)
                live_skip("this kernel has no health monitor");
        assert_true(fd >= 0);
        return fd;
}

static void need_repair(const Fixture *fixture) {
        int r = metadata_repair_probe(fixture->root_fd);

        if (r < 0)
                live_skip("this kernel has no online repair");
}

/* Reads what is there now. Returns the number of events; *ret_end tells the end of the file. */
static size_t read_events(int monitor_fd, HealthEvent *events, size_t n_max, bool *ret_end) {
        static uint8_t buffer[HEALTH_MONITOR_READ_BYTES];
        size_t n_events = 0;

        *ret_end = false;
        for (;;) {
                ssize_t n = health_monitor_read(monitor_fd, buffer, sizeof(buffer));

                if (n == 0)
                        *ret_end = true;
                if (n == 0 || n == -EAGAIN)
                        return n_events;
                assert_true(n > 0);
                for (ssize_t at = 0; at < n; at += HEALTH_RECORD_SIZE) {
                        assert_true(n_events + HEALTH_RECORD_EVENTS_MAX <= n_max);
                        n_events += health_record_decode(buffer + at, events + n_events);
                }
        }
}

/* More than any of these tests can cause. */
#define EVENTS_MAX 512
static HealthEvent events[EVENTS_MAX];

/* The test fails if there is none. */
static HealthEvent find_event(size_t n_events, EventKind kind, Structure structure) {
        for (size_t i = 0; i < n_events; i++)
                if (events[i].kind == kind && events[i].structure == structure)
                        return events[i];

        fail_msg("no event %s %s among %zu", event_kind_to_name(kind), structure_to_name(structure), n_events);
        return (HealthEvent) {};
}

static void test_monitor(void **state) {
        Fixture *fixture = *state;
        _cleanup_(close_fd_at) int monitor_fd = open_monitor(fixture), other_fd = -EBADF;
        HealthMonitorHolder holder;
        HealthMonitorTotals totals;
        bool is_end;

        assert_true(fcntl(monitor_fd, F_GETFL) & O_NONBLOCK);
        assert_true(fcntl(monitor_fd, F_GETFD) & FD_CLOEXEC);
        assert_true(health_monitor_fd_is_monitor(monitor_fd));
        assert_false(health_monitor_fd_is_monitor(fixture->root_fd));

        assert_int_equal(health_monitor_totals(monitor_fd, &totals), 0);
        assert_true(totals.is_alive);
        assert_true(totals.device_number == fixture->device_number);
        assert_int_equal(totals.n_events, 1);
        assert_int_equal(totals.n_lost, 0);
        assert_int_equal(health_monitor_totals(fixture->root_fd, &totals), -ENOTTY);

        assert_int_equal(read_events(monitor_fd, events, EVENTS_MAX, &is_end), 1);
        assert_false(is_end);
        assert_int_equal(events[0].kind, EVENT_WATCHING);
        assert_true(events[0].time_realtime_nsec > 0);
        assert_int_equal(read_events(monitor_fd, events, EVENTS_MAX, &is_end), 0);

        other_fd = open("/", O_RDONLY|O_DIRECTORY|O_CLOEXEC);
        assert_int_equal(health_monitor_check_same(monitor_fd, fixture->root_fd), 0);
        assert_int_equal(health_monitor_check_same(monitor_fd, other_fd), -ESTALE);
        assert_int_equal(health_monitor_check_same(monitor_fd, -1), -EBADF);
        assert_int_equal(health_monitor_check_same(fixture->root_fd, other_fd), -ENOTTY);

        assert_int_equal(health_monitor_open(fixture->root_fd), -EEXIST);
        assert_int_equal(health_monitor_find_holder(fixture->device_number, &holder), 0);
        assert_int_equal(holder.pid, getpid());
        assert_int_equal(strncmp(holder.name, "test-kernel-liv", 15), 0);
        assert_int_equal(health_monitor_find_holder(fixture->device_number + 77, &holder), -ESRCH);

        /* Closing frees the place at once. */
        monitor_fd = close_fd(monitor_fd);
        assert_int_equal(health_monitor_find_holder(fixture->device_number, &holder), -ESRCH);
        monitor_fd = open_monitor(fixture);
        monitor_fd = close_fd(monitor_fd);

        assert_int_equal(mkdirat(fixture->root_fd, "folder", 0700), 0);
        other_fd = close_fd(other_fd);
        other_fd = openat(fixture->root_fd, "folder", O_RDONLY|O_DIRECTORY|O_CLOEXEC);
        assert_int_equal(health_monitor_open(other_fd), -EPERM);
}

static void test_end(void **state) {
        Fixture *fixture = *state;
        _cleanup_(close_fd_at) int monitor_fd = open_monitor(fixture), root_fd = -EBADF;
        HealthMonitorTotals totals;
        bool is_end;
        size_t n;

        /* Nothing of ours keeps it mounted. */
        live_detach(fixture);
        n = read_events(monitor_fd, events, EVENTS_MAX, &is_end);
        assert_true(is_end);
        assert_true(n >= 1);
        (void) find_event(n, EVENT_WATCHING, STRUCTURE_NONE);
        /* Before Linux 7.2.7 the record could get lost: only the end of the file counts. */
        for (size_t i = 0; i < n; i++)
                print_message("%s\n", event_kind_to_name(events[i].kind));
        assert_int_equal(read_events(monitor_fd, events, EVENTS_MAX, &is_end), 0);
        assert_true(is_end);

        assert_int_equal(health_monitor_totals(monitor_fd, &totals), 0);
        assert_false(totals.is_alive);
        root_fd = open("/", O_RDONLY|O_DIRECTORY|O_CLOEXEC);
        assert_int_equal(health_monitor_check_same(monitor_fd, root_fd), -ESTALE);

        /* The old monitor holds no place on the new superblock, and is not taken for its own. */
        live_attach(fixture);
        assert_int_equal(health_monitor_check_same(monitor_fd, fixture->root_fd), -ESTALE);
        root_fd = close_fd(root_fd);
        root_fd = open_monitor(fixture);
        assert_int_equal(health_monitor_check_same(root_fd, fixture->root_fd), 0);
}

static MetadataResult call(const Fixture *fixture, MetadataCall what, RepairTarget target) {
        MetadataResult result = metadata_call(fixture->root_fd, &target, what);

        print_message("%s %s: %s, errno %d, flags 0x%x\n", what == METADATA_REPAIR ? "repair" : "check",
                      structure_to_name(target.structure), outcome_to_name(result.outcome), result.error, result.flags);
        return result;
}

static void test_calls(void **state) {
        static const Structure healthy[] = {
                STRUCTURE_FS_COUNTERS, STRUCTURE_FS_NLINKS, STRUCTURE_AG_SUPER, STRUCTURE_AG_AGF, STRUCTURE_AG_AGFL,
                STRUCTURE_AG_AGI, STRUCTURE_AG_BNOBT, STRUCTURE_AG_CNTBT, STRUCTURE_AG_INOBT, STRUCTURE_AG_FINOBT,
                STRUCTURE_AG_RMAPBT,
        };
        Fixture *fixture = *state;
        RepairTarget file = { .structure = STRUCTURE_INODE_CORE };

        need_repair(fixture);
        for (size_t i = 0; i < ELEMENTSOF(healthy); i++) {
                RepairTarget target = { .structure = healthy[i], .group = 1 };

                assert_int_equal(call(fixture, METADATA_CHECK, target).outcome, OUTCOME_DONE);
                /* What can be tidied up (a secondary superblock right after mkfs) is, the first time. */
                if (call(fixture, METADATA_REPAIR, target).outcome == OUTCOME_NOT_NEEDED)
                        continue;
                assert_int_equal(call(fixture, METADATA_REPAIR, target).outcome, OUTCOME_NOT_NEEDED);
        }

        file.inode = live_make_file(fixture, "file");
        assert_int_equal(filesystem_inode_generation(fixture->root_fd, file.inode, &file.generation), 0);
        assert_int_equal(call(fixture, METADATA_REPAIR, file).outcome, OUTCOME_NOT_NEEDED);
        file.generation++;
        assert_int_equal(call(fixture, METADATA_REPAIR, file).outcome, OUTCOME_GONE);
        file.generation = 0;
        assert_int_equal(call(fixture, METADATA_REPAIR, file).outcome, OUTCOME_NOT_NEEDED);
        assert_int_equal(unlinkat(fixture->root_fd, "file", 0), 0);
        assert_int_equal(call(fixture, METADATA_REPAIR, file).outcome, OUTCOME_GONE);
        /* The kernel does not tell a group that does not exist from a call that makes no sense. */
        assert_int_equal(call(fixture, METADATA_CHECK, (RepairTarget) { STRUCTURE_AG_AGF, 99, 0, 0 }).outcome,
                         OUTCOME_FAILED);
        assert_int_equal(call(fixture, METADATA_CHECK, (RepairTarget) { STRUCTURE_RTGROUP_RMAPBT, 0, 0, 0 }).outcome,
                         OUTCOME_GONE);

        assert_int_equal(mount(NULL, fixture->mount_point, NULL, MS_REMOUNT|MS_RDONLY, NULL), 0);
        assert_int_equal(metadata_repair_probe(fixture->root_fd), -EROFS);
        assert_int_equal(call(fixture, METADATA_REPAIR, (RepairTarget) { STRUCTURE_AG_AGF, 0, 0, 0 }).outcome,
                         OUTCOME_READ_ONLY);
        assert_int_equal(mount(NULL, fixture->mount_point, NULL, MS_REMOUNT, NULL), 0);

        assert_int_equal(live_run("xfs_io -x -c 'shutdown -f' '%s'", fixture->mount_point), 0);
        assert_int_equal(call(fixture, METADATA_REPAIR, (RepairTarget) { STRUCTURE_AG_AGF, 0, 0, 0 }).outcome,
                         OUTCOME_SHUT_DOWN);
}

static void test_heal(void **state) {
        const RepairTarget finobt = { .structure = STRUCTURE_AG_FINOBT };
        Fixture *fixture = *state;
        _cleanup_(close_fd_at) int monitor_fd = -EBADF;
        HealthEvent event;
        bool is_end;
        size_t n;

        need_repair(fixture);
        live_detach(fixture);
        assert_int_equal(live_run("xfs_db -x -c 'agi 0' -c 'addr free_root' "
                                  "-c 'write -d magic 0x41414141' '%s' >/dev/null",
                                  fixture->image), 0);
        live_attach(fixture);
        monitor_fd = open_monitor(fixture);

        /* The allocation may or may not survive it; the report is what counts. */
        (void) close_fd(openat(fixture->root_fd, "victim", O_RDWR|O_CREAT|O_CLOEXEC, 0600));
        n = read_events(monitor_fd, events, EVENTS_MAX, &is_end);
        event = find_event(n, EVENT_SICK, STRUCTURE_AG_FINOBT);
        assert_int_equal(event.domain, DOMAIN_AG);
        assert_int_equal(event.group, 0);

        assert_int_equal(call(fixture, METADATA_CHECK, finobt).outcome, OUTCOME_STILL_CORRUPT);
        assert_int_equal(call(fixture, METADATA_REPAIR, finobt).outcome, OUTCOME_DONE);
        assert_int_equal(call(fixture, METADATA_CHECK, finobt).outcome, OUTCOME_DONE);
        n = read_events(monitor_fd, events, EVENTS_MAX, &is_end);
        (void) find_event(n, EVENT_HEALTHY, STRUCTURE_AG_FINOBT);
        (void) live_make_file(fixture, "after");
}

static void expect_pinned(const Fixture *fixture, uint64_t inode, uint32_t generation) {
        _cleanup_(close_fd_at) int fd = filesystem_inode_open(fixture->root_fd, inode, generation);
        struct stat status;
        char byte;

        assert_true(fd >= 0);
        assert_int_equal(fstat(fd, &status), 0);
        assert_true(status.st_ino == inode && status.st_dev == fixture->device_number);
        assert_true(fcntl(fd, F_GETFL) & O_PATH);
        assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        assert_int_equal(read(fd, &byte, 1), -1);
}

static void test_inode_open(void **state) {
        Fixture *fixture = *state;
        uint64_t inode, neighbour, fifo, link;
        uint32_t generation, neighbour_generation;
        _cleanup_(close_fd_at) int monitor_fd = -EBADF;
        struct stat status;
        HealthEvent event;
        bool is_end;

        inode = live_make_file(fixture, "victim");
        neighbour = live_make_file(fixture, "neighbour");
        assert_int_equal(mkfifoat(fixture->root_fd, "fifo", 0600), 0);
        assert_int_equal(symlinkat("nowhere", fixture->root_fd, "link"), 0);
        assert_int_equal(fstatat(fixture->root_fd, "fifo", &status, 0), 0);
        fifo = status.st_ino;
        assert_int_equal(fstatat(fixture->root_fd, "link", &status, AT_SYMLINK_NOFOLLOW), 0);
        link = status.st_ino;

        assert_int_equal(filesystem_inode_generation(fixture->root_fd, inode, &generation), 0);
        assert_int_equal(filesystem_inode_generation(fixture->root_fd, neighbour, &neighbour_generation), 0);
        expect_pinned(fixture, inode, generation);
        expect_pinned(fixture, inode, 0);
        expect_pinned(fixture, fifo, 0);
        expect_pinned(fixture, link, 0);
        assert_int_equal(filesystem_inode_open(fixture->root_fd, inode, generation + 1), -ESTALE);
        assert_int_equal(filesystem_inode_open(fixture->root_fd, 0, 1), -ESTALE);
        assert_int_equal(filesystem_inode_open(fixture->root_fd, UINT64_MAX, 1), -ESTALE);

        /* Damage that the verifier refuses, with a good checksum; the neighbour shares the same block. */
        live_detach(fixture);
        assert_int_equal(live_run("xfs_db -x -c 'inode %" PRIu64 "' -c 'write -d core.format 9' '%s' >/dev/null",
                             inode, fixture->image), 0);
        live_attach(fixture);
        assert_int_equal(filesystem_inode_open(fixture->root_fd, inode, generation), -ESTALE);
        assert_int_equal(filesystem_inode_open(fixture->root_fd, inode, 0), -ESTALE);
        assert_int_equal(filesystem_inode_generation(fixture->root_fd, inode, &generation), -ESTALE);
        expect_pinned(fixture, neighbour, neighbour_generation);

        assert_int_equal(fstatat(fixture->root_fd, "victim", &status, 0), -1);
        assert_int_equal(errno, EUCLEAN);

        /* Only looking is harmless (kernel/harmful-repairs.c says why nothing else is done here). */
        if (metadata_repair_probe(fixture->root_fd) == 0) {
                RepairTarget core = { .structure = STRUCTURE_INODE_CORE, .inode = inode };

                assert_int_equal(call(fixture, METADATA_CHECK, core).outcome, OUTCOME_STILL_CORRUPT);
        }

        /* Every touch is reported, without a generation. */
        monitor_fd = health_monitor_open(fixture->root_fd);
        if (monitor_fd == -ENOTTY)
                return;
        assert_int_equal(fstatat(fixture->root_fd, "victim", &status, 0), -1);
        event = find_event(read_events(monitor_fd, events, EVENTS_MAX, &is_end), EVENT_SICK, STRUCTURE_INODE_CORE);
        assert_true(event.inode == inode);
        assert_int_equal(event.generation, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_monitor, live_setup, live_teardown),
                cmocka_unit_test_setup_teardown(test_end, live_setup, live_teardown),
                cmocka_unit_test_setup_teardown(test_calls, live_setup, live_teardown),
                cmocka_unit_test_setup_teardown(test_heal, live_setup, live_teardown),
                cmocka_unit_test_setup_teardown(test_inode_open, live_setup, live_teardown),
                                        };

        if (!live_is_possible())
                return LIVE_SKIPPED;

        return live_exit_status(cmocka_run_group_tests(tests, NULL, NULL), ELEMENTSOF(tests));
}
