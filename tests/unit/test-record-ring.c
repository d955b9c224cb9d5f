/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ring of what was read and is not decided: a pipe plays the monitor, a second mapping of the same memory plays the
 * process that comes after one that was killed.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/health-monitor.h"
#include "kernel/xfs-abi.h"
#include "src/basic/macro.h"
#include "src/source/record-ring.h"

#define DEVICE_NUMBER 0x701

typedef struct Setup {
        RecordRing *ring;
        RingMonitor *monitor;
        int pipe[2];                    /* [0] is the monitor */
        HealthEvent events[1024];       /* of the last reading */
} Setup;

static int setup(void **state) {
        static Setup s;

        s = (Setup) {};
        assert_int_equal(record_ring_new(&s.ring), 0);
        assert_int_equal(record_ring_add_monitor(s.ring, 0, DEVICE_NUMBER, &s.monitor), 0);
        assert_int_equal(pipe2(s.pipe, O_NONBLOCK|O_CLOEXEC), 0);
        *state = &s;
        return 0;
}

static int teardown(void **state) {
        Setup *s = *state;

        record_ring_free(s->ring);
        close_fd(s->pipe[0]);
        close_fd(s->pipe[1]);
        return 0;
}

/* A record whose mask has so many bits gives as many events. */
static struct abi_xfs_health_monitor_event group_record(uint32_t group, uint32_t mask) {
        return (struct abi_xfs_health_monitor_event) {
                .domain = ABI_XFS_HEALTH_MONITOR_DOMAIN_AG,
                .type = ABI_XFS_HEALTH_MONITOR_TYPE_SICK,
                .time_ns = 1,
                .e.group = { .mask = mask, .gno = group },
        };
}

static struct abi_xfs_health_monitor_event lost_record(uint64_t count) {
        return (struct abi_xfs_health_monitor_event) {
                .domain = ABI_XFS_HEALTH_MONITOR_DOMAIN_MOUNT,
                .type = ABI_XFS_HEALTH_MONITOR_TYPE_LOST,
                .time_ns = 1,
                .e.lost.count = count,
        };
}

static void queue(Setup *s, struct abi_xfs_health_monitor_event record) {
        assert_int_equal(write(s->pipe[1], &record, sizeof(record)), sizeof(record));
}

static size_t take_queue(Setup *s, RingQueue *came) {
        size_t n = 0;

        while (record_ring_next(s->ring, came, s->events + n)) {
                n++;
                assert_true(n < ELEMENTSOF(s->events));
        }
        assert_true(record_ring_queue_is_empty(came));
        return n;
}

static size_t read_all(Setup *s) {
        ssize_t n = record_ring_read(s->ring, s->monitor, s->pipe[0], HEALTH_MONITOR_READ_BYTES);
        RingQueue came = {};

        assert_true(n > 0);
        record_ring_commit(s->ring, &came);
        return take_queue(s, &came);
}

static HealthEvent landed(Setup *s, size_t index) {
        return s->events[index];
}

/* Returns the number told, 0 for nothing. */
static uint64_t lose(Setup *s, uint64_t n_lost_total) {
        RingQueue came = {};

        record_ring_lose(s->ring, s->monitor, n_lost_total, &came);
        if (take_queue(s, &came) == 0)
                return 0;
        assert_int_equal(s->events[0].kind, EVENT_EVENTS_LOST);
        return s->events[0].count;
}

/* What the next process finds. */
typedef struct Found {
        size_t n;
        uint64_t count;
        uint32_t groups[64];
        uint64_t kept_as[64];
        size_t n_given_up;
} Found;

static void take(void *userdata, const HealthEvent *event) {
        Found *found = userdata;

        assert_true(found->n < ELEMENTSOF(found->groups));
        assert_true(event->kept_as != 0);
        found->groups[found->n] = event->group;
        found->kept_as[found->n++] = event->kept_as;
        found->count += event->count;
}

static Found replay(RecordRing *ring, uint64_t number) {
        RingMonitor *monitor;
        Found found = {};
        size_t n;

        assert_int_equal(record_ring_add_monitor(ring, number, DEVICE_NUMBER, &monitor), 0);
        n = record_ring_replay(ring, monitor, take, &found, &found.n_given_up);
        assert_int_equal(n, found.n);
        return found;
}

/* This process was killed here: nothing is put in order, the next one maps the same memory. */
static void reopen(Setup *s) {
        uint64_t number = s->monitor->number;
        int fd = fcntl(record_ring_fd(s->ring), F_DUPFD_CLOEXEC, 3);

        assert_true(fd >= 0);
        record_ring_free(s->ring);
        assert_int_equal(record_ring_open(fd, &s->ring), 0);
        assert_int_equal(record_ring_add_monitor(s->ring, number, DEVICE_NUMBER, &s->monitor), 0);
        assert_int_equal(s->monitor->number, number);
}

static void test_read_and_release(void **state) {
        Setup *s = *state;

        /* Far more than there are slots. */
        for (unsigned i = 0; i < 100; i++) {
                for (unsigned j = 0; j < 900; j++)
                        queue(s, group_record(j, 1));
                assert_int_equal(read_all(s), 900);
                assert_int_equal(record_ring_count(s->ring), 900);
                for (unsigned j = 0; j < 900; j++) {
                        HealthEvent event = landed(s, j);

                        assert_int_equal(event.group, j);
                        assert_int_equal(event.kind, EVENT_SICK);
                        record_ring_release(s->ring, event.kept_as);
                }
                assert_int_equal(record_ring_count(s->ring), 0);
        }
        assert_int_equal(s->monitor->n_records, 90000);
        assert_int_equal(record_ring_read(s->ring, s->monitor, s->pipe[0], HEALTH_MONITOR_READ_BYTES), -EAGAIN);
        reopen(s);
        assert_int_equal(s->monitor->n_records, 90000);
        assert_int_equal(replay(s->ring, s->monitor->number).n, 0);
}

static void test_what_is_not_released_comes_back(void **state) {
        Setup *s = *state;
        Found found;

        for (unsigned i = 0; i < 8; i++)
                queue(s, group_record(i, 1));
        assert_int_equal(read_all(s), 8);
        record_ring_release(s->ring, landed(s, 0).kept_as);
        record_ring_release(s->ring, landed(s, 5).kept_as);
        record_ring_hold(s->ring, landed(s, 6).kept_as); /* decided, its action is not carried out yet */
        record_ring_release(s->ring, landed(s, 6).kept_as);
        reopen(s);
        found = replay(s->ring, s->monitor->number);
        assert_int_equal(found.n, 6);
        assert_int_equal(found.groups[0], 1);
        assert_int_equal(found.groups[4], 6);
        assert_int_equal(s->monitor->n_records, 8);

        /* New ones come after them, also in slots that were free before. */
        queue(s, group_record(30, 1));
        assert_int_equal(read_all(s), 1);
        reopen(s);
        found = replay(s->ring, s->monitor->number);
        assert_int_equal(found.n, 7);
        assert_int_equal(found.groups[6], 30);
        for (size_t i = 0; i < found.n; i++)
                record_ring_release(s->ring, found.kept_as[i]);
        assert_int_equal(record_ring_count(s->ring), 0);
        assert_int_equal(s->monitor->n_records, 9);
}

static void test_killed_between_reading_and_accounting(void **state) {
        Setup *s = *state;
        Found found;

        queue(s, group_record(1, 7));
        queue(s, lost_record(5));
        queue(s, group_record(2, 1));
        assert_int_equal(record_ring_read(s->ring, s->monitor, s->pipe[0], HEALTH_MONITOR_READ_BYTES),
                         3 * HEALTH_RECORD_SIZE);
        assert_int_equal(s->monitor->n_records, 0);
        reopen(s);
        assert_int_equal(s->monitor->n_records, 3);
        assert_int_equal(s->monitor->n_lost, 5);
        found = replay(s->ring, s->monitor->number);
        assert_int_equal(found.n, 5);
        assert_int_equal(found.count, 3 + 5 + 1);

        /* Once, not each time. */
        reopen(s);
        assert_int_equal(s->monitor->n_records, 3);
        assert_int_equal(replay(s->ring, s->monitor->number).n, 5);
}

static void test_an_event_that_kills_is_given_up(void **state) {
        Setup *s = *state;

        queue(s, group_record(1, 1));
        assert_int_equal(read_all(s), 1);
        for (unsigned i = 0; i < RECORD_RING_REPLAYS_MAX; i++) {
                Found found;

                reopen(s);
                found = replay(s->ring, s->monitor->number);
                assert_int_equal(found.n, 1);
                assert_int_equal(found.n_given_up, 0);
        }
        reopen(s);
        assert_int_equal(replay(s->ring, s->monitor->number).n_given_up, 1);
        assert_int_equal(record_ring_count(s->ring), 0);
}

static void test_repeats_are_counted_in_one(void **state) {
        Setup *s = *state;
        Found found;

        for (unsigned i = 0; i < 4; i++)
                queue(s, group_record(3, 1));
        assert_int_equal(read_all(s), 4);
        for (size_t i = 1; i < 4; i++)
                record_ring_absorb(s->ring, landed(s, 0).kept_as, landed(s, i).kept_as);
        assert_int_equal(record_ring_count(s->ring), 1);
        reopen(s);
        found = replay(s->ring, s->monitor->number);
        assert_int_equal(found.n, 1);
        assert_int_equal(found.count, 4);
}

static void test_losses_are_told_once(void **state) {
        Setup *s = *state;

        /* fdinfo first, the record later */
        assert_int_equal(lose(s, 7), 7);
        assert_int_equal(lose(s, 7), 0);
        reopen(s);
        queue(s, lost_record(7));
        assert_int_equal(read_all(s), 0);
        queue(s, lost_record(2));
        assert_int_equal(read_all(s), 1);
        assert_int_equal(landed(s, 0).count, 2);
        assert_int_equal(lose(s, 9), 0);
        assert_int_equal(replay(s->ring, s->monitor->number).count, 9);
        assert_int_equal(s->monitor->n_records, 2);
}

static void test_full(void **state) {
        Setup *s = *state;
        RingQueue what_came = {};
        size_t n = 0;
        ssize_t r;

        do {
                for (unsigned i = 0; i < 1000; i++)
                        queue(s, group_record(i, 1));
                for (;;) {
                        r = record_ring_read(s->ring, s->monitor, s->pipe[0], HEALTH_MONITOR_READ_BYTES);
                        if (r <= 0)
                                break;
                        record_ring_commit(s->ring, &what_came);
                        n += (size_t) r / HEALTH_RECORD_SIZE;
                }
        } while (r == -EAGAIN);
        assert_int_equal(r, -ENOBUFS);
        assert_true(n > RECORD_RING_SLOTS * 9 / 10);
        assert_int_equal(record_ring_count(s->ring), n);
        assert_int_equal(s->monitor->n_records, n);

        /* Nothing was taken from the kernel that could not be kept. */
        for (uint64_t i = 1; i <= 3000; i++)
                record_ring_release(s->ring, i);
        assert_true(read_all(s) > 0);
        reopen(s);
        assert_true(s->monitor->n_records > n);
}

static void test_monitors(void **state) {
        Setup *s = *state;
        uint64_t first = s->monitor->number;
        RingMonitor *other;

        assert_int_equal(record_ring_add_monitor(s->ring, 0, 0x702, &other), 0);
        assert_int_not_equal(other->number, first);
        queue(s, group_record(1, 1));
        assert_int_equal(read_all(s), 1);

        print_message("one that is gone\n");
        assert_int_equal(record_ring_keep_only(s->ring, &other->number, 1), 1);
        assert_int_equal(record_ring_count(s->ring), 0);

        print_message("a number is never used twice\n");
        assert_int_equal(record_ring_add_monitor(s->ring, 0, 0x703, &s->monitor), 0);
        assert_true(s->monitor->number > other->number);
        assert_int_equal(s->monitor->n_records, 0);

        print_message("one that only the store remembers\n");
        assert_int_equal(record_ring_add_monitor(s->ring, 77, 0x704, &other), 0);
        assert_int_equal(other->number, 77);
        assert_int_equal(record_ring_add_monitor(s->ring, 0, 0x705, &other), 0);
        assert_int_equal(other->number, 78);

        print_message("too many\n");
        for (unsigned i = 0; i < RECORD_RING_MONITORS - 4; i++)
                assert_int_equal(record_ring_add_monitor(s->ring, 0, 0x800 + i, &other), 0);
        assert_int_equal(record_ring_add_monitor(s->ring, 0, 2, &other), -ENOBUFS);
        record_ring_remove_monitor(s->ring, s->monitor);
        assert_int_equal(record_ring_add_monitor(s->ring, 0, 2, &other), 0);
}

static void test_none_of_ours(void **state) {
        Setup *s = *state;
        RecordRing *ring;
        struct stat status;
        uint64_t broken = 0;
        int fd;

        print_message("a pipe\n");
        assert_int_equal(record_ring_open(dup(s->pipe[0]), &ring), -EBADMSG);

        print_message("another memory\n");
        fd = memfd_create("test", MFD_CLOEXEC|MFD_ALLOW_SEALING);
        assert_true(fd >= 0);
        assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
        assert_int_equal(record_ring_open(fd, &ring), -EPROTONOSUPPORT);

        print_message("of the right size\n");
        assert_int_equal(fstat(record_ring_fd(s->ring), &status), 0);
        fd = memfd_create("test", MFD_CLOEXEC|MFD_ALLOW_SEALING);
        assert_int_equal(ftruncate(fd, status.st_size), 0);
        assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
        assert_int_equal(record_ring_open(fd, &ring), -EBADMSG);

        print_message("of another version\n");
        assert_int_equal(pwrite(record_ring_fd(s->ring), &broken, 4, 8), 4);
        assert_int_equal(record_ring_open(dup(record_ring_fd(s->ring)), &ring), -EPROTONOSUPPORT);
}

/* What the process that is killed has decided, as it would have told somebody else. */
typedef struct Told {
        uint64_t n_begun, n_done;
} Told;

static void release_told(Setup *s, Told *told, const HealthEvent *event, uint64_t count) {
        told->n_begun += count;
        record_ring_release(s->ring, event->kept_as);
        told->n_done = told->n_begun;
}

/* Reads, merges, decides: the life of a few records. */
static void live(Setup *s, Told *told) {
        HealthEvent event[6];
        RingQueue came = {};

        (void) record_ring_read(s->ring, s->monitor, s->pipe[0], HEALTH_MONITOR_FIRST_READ_BYTES);
        record_ring_commit(s->ring, &came);
        for (size_t i = 0; i < 6; i++)
                if (!record_ring_next(s->ring, &came, event + i))
                        _exit(1);
        record_ring_absorb(s->ring, event[0].kept_as, event[1].kept_as);
        release_told(s, told, event + 0, 2);
        for (size_t i = 2; i < 6; i++)
                release_told(s, told, event + i, event[i].count);
}

static const uint8_t *map_of(int fd, size_t size_bytes) {
        void *map = mmap(NULL, size_bytes, PROT_READ, MAP_SHARED, fd, 0);

        assert_true(map != MAP_FAILED);
        return map;
}

/* Calls for each part of the memory that was ever touched. Returns true if one call does. */
static bool each_extent(int fd, bool (*call)(const uint8_t *map, off_t start, size_t length, void *userdata),
                        const uint8_t *map, void *userdata) {
        bool result = false;

        for (off_t start = lseek(fd, 0, SEEK_DATA), end; start >= 0; start = lseek(fd, end, SEEK_DATA)) {
                end = lseek(fd, start, SEEK_HOLE);
                result |= call(map, start, (size_t) (end - start), userdata);
        }
        return result;
}

static bool is_changed(const uint8_t *map, off_t start, size_t length, void *userdata) {
        uint8_t *last = (uint8_t *) userdata + start;

        if (memcmp(last, map + start, length) == 0)
                return false;
        memcpy(last, map + start, length);
        return true;
}

static bool copy_extent(const uint8_t *map, off_t start, size_t length, void *userdata) {
        assert_int_equal(pwrite(*(int *) userdata, map + start, length, start), length);
        return false;
}

/* The process ends here and now: the next one finds everything that is not done, once. */
static void check_killed_now(Setup *s, const uint8_t *map, off_t size_bytes, const Told *told) {
        int fd = memfd_create("killed", MFD_CLOEXEC|MFD_ALLOW_SEALING);
        RecordRing *next;
        RingMonitor *monitor;
        Found found;

        assert_true(fd >= 0);
        assert_int_equal(ftruncate(fd, size_bytes), 0);
        assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
        (void) each_extent(record_ring_fd(s->ring), copy_extent, map, &fd);
        assert_int_equal(record_ring_open(fd, &next), 0);
        assert_int_equal(record_ring_add_monitor(next, 1, DEVICE_NUMBER, &monitor), 0);
        found = replay(next, 1);

        /* Before the read nothing, after it all of it: 4 records, 5 reports and 9 lost ones. */
        if (monitor->n_records != 0)
                assert_int_equal(monitor->n_records, 4);
        assert_int_equal(monitor->n_lost, monitor->n_records ? 9 : 0);
        assert_true(found.count + told->n_done <= monitor->n_records / 4 * 14);
        assert_true(found.count + told->n_begun >= monitor->n_records / 4 * 14);
        record_ring_free(next);
}

static void test_killed_at_every_instruction(void **state) {
        Setup *s = *state;
        Told *told = mmap(NULL, sizeof(*told), PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS, -1, 0);
        _cleanup_(free_at) uint8_t *last = NULL;
        size_t n_steps = 0, n_checks = 0;
        struct stat memory;
        const uint8_t *map;
        int status;
        pid_t pid;

        assert_true(told != MAP_FAILED);
        assert_int_equal(fstat(record_ring_fd(s->ring), &memory), 0);
        map = map_of(record_ring_fd(s->ring), (size_t) memory.st_size);
        last = calloc(1, (size_t) memory.st_size);
        assert_non_null(last);
        queue(s, group_record(1, 1));
        queue(s, group_record(1, 1));
        queue(s, lost_record(9));
        queue(s, group_record(2, 7));

        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                if (ptrace(PTRACE_TRACEME, 0, 0, 0) < 0)
                        _exit(77);
                (void) raise(SIGSTOP);
                live(s, told);
                _exit(0);
        }

        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
                print_message("no process may be traced here\n");
                skip();
        }
        while (WIFSTOPPED(status)) {
                if (each_extent(record_ring_fd(s->ring), is_changed, map, last)) {
                        check_killed_now(s, map, memory.st_size, told);
                        n_checks++;
                }
                n_steps++;
                assert_int_equal(ptrace(PTRACE_SINGLESTEP, pid, 0, 0), 0);
                assert_int_equal(waitpid(pid, &status, 0), pid);
        }
        print_message("%zu instructions, %zu states of the memory\n", n_steps, n_checks);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        assert_true(n_checks > 50);
        assert_int_equal(told->n_done, 14);
        assert_int_equal(munmap((void *) map, (size_t) memory.st_size), 0);
        assert_int_equal(munmap(told, sizeof(*told)), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_read_and_release, setup, teardown),
                cmocka_unit_test_setup_teardown(test_what_is_not_released_comes_back, setup, teardown),
                cmocka_unit_test_setup_teardown(test_killed_between_reading_and_accounting, setup, teardown),
                cmocka_unit_test_setup_teardown(test_an_event_that_kills_is_given_up, setup, teardown),
                cmocka_unit_test_setup_teardown(test_repeats_are_counted_in_one, setup, teardown),
                cmocka_unit_test_setup_teardown(test_losses_are_told_once, setup, teardown),
                cmocka_unit_test_setup_teardown(test_full, setup, teardown),
                cmocka_unit_test_setup_teardown(test_monitors, setup, teardown),
                cmocka_unit_test_setup_teardown(test_none_of_ours, setup, teardown),
                cmocka_unit_test_setup_teardown(test_killed_at_every_instruction, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
