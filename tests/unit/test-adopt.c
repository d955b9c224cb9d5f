/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A healerd comes after one that was killed: it goes on with the monitor and with what was read and not decided, tells
 * the worker what it holds, and tells nothing before it knows what the file system is called. A pipe plays the monitor.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <string.h>

#include "kernel/health-monitor.h"
#include "kernel/xfs-abi.h"
#include "src/basic/clock.h"
#include "src/engine/engine-internal.h"
#include "tests/unit/fake-worker.h"

#define DEVICE_NUMBER 0x701
#define NUMBER 12

typedef struct Setup {
        sd_event *event;
        Engine *engine;
        FakeWorker worker;
        int pipe[2];
        int ring_fd;                    /* as systemd keeps it */
        bool is_held_told, is_greeted;
        uint32_t groups[64];
        EventKind kinds[64];
        size_t n_events, n_gone, n_with_mount;
        unsigned n_kept, n_forgotten;
        uint64_t last_number;
        uint64_t spin_usec;             /* that it takes to tell an event; the first one brings another record */
        uint64_t n_records_at_20;       /* read when the 20th event was told */
} Setup;

bool __wrap_health_monitor_fd_is_monitor(int fd);

bool __wrap_health_monitor_fd_is_monitor(int fd) {
        return fd >= 0;
}

static void answer_gather(Setup *s, const WorkerGatherRequest *request) {
        WorkerMessage message;

        worker_message_init(&message, WORKER_GATHERED);
        message.gathered.request_id = request->request_id;
        message.gathered.device_number = request->device_number;
        message.gathered.autofsck_state = FACT_KNOWN;
        message.gathered.autofsck = AUTOFSCK_NONE;
        fake_worker_say(&s->worker, &message, -EBADF);
}

static void on_worker_message(void *userdata, const WorkerMessage *message, int fd) {
        Setup *s = userdata;

        if (message->header.type == WORKER_HELD) {
                assert_int_equal(message->held.device_number, DEVICE_NUMBER);
                assert_true(fd >= 0);
                s->is_held_told = true;
        } else if (message->header.type == WORKER_HELD_END)
                s->is_greeted = true;
        else if (message->header.type == WORKER_GATHER)
                answer_gather(s, &message->gather);
}

static void queue_group(Setup *s, uint32_t group) {
        const struct abi_xfs_health_monitor_event record = {
                .domain = ABI_XFS_HEALTH_MONITOR_DOMAIN_AG,
                .type = ABI_XFS_HEALTH_MONITOR_TYPE_SICK,
                .time_ns = 1,
                .e.group = { .mask = 1, .gno = group },
        };

        assert_int_equal(write(s->pipe[1], &record, sizeof(record)), sizeof(record));
}

static void on_event(void *userdata, const HealthEvent *event, const Filesystem *filesystem, const char *path,
                     _unused_ const EventFacts *facts) {
        Setup *s = userdata;

        (void) path;
        assert_true(s->n_events < ELEMENTSOF(s->kinds));
        s->n_with_mount += filesystem->n_mounts > 0;
        s->groups[s->n_events] = event->group;
        s->kinds[s->n_events++] = event->kind;
        if (s->n_events == 20)
                s->n_records_at_20 = filesystem->totals.n_records;
        if (s->spin_usec > 0) {
                uint64_t until = clock_monotonic_usec() + s->spin_usec;

                if (s->n_events == 1)
                        queue_group(s, 1000);
                while (clock_monotonic_usec() < until)
                        ;
        }
}

static void on_filesystem_gone(void *userdata, Filesystem *filesystem) {
        (void) filesystem;
        ((Setup *) userdata)->n_gone++;
}

static void keep(void *userdata, dev_t device_number, uint64_t number, int fd) {
        Setup *s = userdata;

        assert_int_equal(device_number, DEVICE_NUMBER);
        assert_true(fd >= 0);
        s->n_kept++;
        s->last_number = number;
}

static void forget(void *userdata, dev_t device_number, uint64_t number) {
        Setup *s = userdata;

        assert_int_equal(device_number, DEVICE_NUMBER);
        s->n_forgotten++;
        s->last_number = number;
}

static int copy_of(int fd) {
        int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);

        assert_true(copy >= 0);
        return copy;
}

/* A healerd had read groups 1 and 2 and was killed; 3 came while there was none. */
static void leave_behind(Setup *s) {
        _cleanup_(record_ring_free_at) RecordRing *ring = NULL;
        RingMonitor *monitor;
        RingQueue queue = {};

        assert_int_equal(pipe2(s->pipe, O_NONBLOCK|O_CLOEXEC), 0);
        assert_int_equal(record_ring_new(&ring), 0);
        assert_int_equal(record_ring_add_monitor(ring, NUMBER, DEVICE_NUMBER, &monitor), 0);
        queue_group(s, 1);
        queue_group(s, 2);
        assert_true(record_ring_read(ring, monitor, s->pipe[0], HEALTH_MONITOR_READ_BYTES) > 0);
        record_ring_commit(ring, &queue);
        assert_int_equal(record_ring_count(ring), 2);
        queue_group(s, 3);
        s->ring_fd = copy_of(record_ring_fd(ring));
}

static void start(Setup *s) {
        EngineOptions options = {
                .policy.root_directory = "/nonexistent",
                .keeper = { .keep = keep, .forget = forget, .userdata = s },
        };
        const EngineObserver observer = {
                .on_event = on_event,
                .on_filesystem_gone = on_filesystem_gone,
                .userdata = s,
        };

        fake_worker_init(&s->worker, s->event, &options.worker_fd);
        s->worker.on_message = on_worker_message;
        s->worker.userdata = s;
        assert_int_equal(record_ring_open(copy_of(s->ring_fd), &options.ring), 0);
        assert_int_equal(engine_new(s->event, &options, &s->engine), 0);
        assert_int_equal(engine_add_observer(s->engine, &observer), 0);
        assert_int_equal(engine_start(s->engine), 0);
}

static void stop(Setup *s) {
        engine_free(s->engine);
        s->engine = NULL;
        fake_worker_done(&s->worker);
}

static int setup(void **state) {
        static Setup s;

        s = (Setup) {};
        assert_int_equal(sd_event_new(&s.event), 0);
        leave_behind(&s);
        start(&s);
        *state = &s;
        return 0;
}

static int teardown(void **state) {
        Setup *s = *state;

        stop(s);
        sd_event_unref(s->event);
        close_fd(s->pipe[0]);
        close_fd(s->pipe[1]);
        close_fd(s->ring_fd);
        return 0;
}

static void run_quiet(Setup *s) {
        while (sd_event_run(s->event, 0) > 0)
                ;
}

static void run_until_greeted(Setup *s) {
        while (!s->is_greeted || !engine_worker_is_connected(s->engine))
                assert_true(sd_event_run(s->event, 30 * USEC_PER_SEC) > 0);
        run_quiet(s);
}

static void say(Setup *s, WorkerMessageType type) {
        WorkerMessage message;

        worker_message_init(&message, type);
        if (type == WORKER_FILESYSTEM) {
                message.filesystem.device_number = DEVICE_NUMBER;
                message.filesystem.monitor_state = MONITOR_OPENED;
                strcpy(message.filesystem.type, "xfs");
                strcpy(message.filesystem.device, "/dev/loop1");
        } else if (type == WORKER_MOUNT_ADDED) {
                message.mount.device_number = DEVICE_NUMBER;
                message.mount.mount_id = 1;
                message.mount.is_whole = 1;
                strcpy(message.mount.mount_point, "/srv");
        }
        fake_worker_say(&s->worker, &message, -EBADF);
}

static void run_until_events(Setup *s, size_t n) {
        while (s->n_events < n)
                assert_true(sd_event_run(s->event, 30 * USEC_PER_SEC) > 0);
        run_quiet(s);
        assert_int_equal(s->n_events, n);
}

static void adopt(Setup *s, bool is_alive) {
        assert_int_equal(engine_adopt_monitor(s->engine, copy_of(s->pipe[0]), DEVICE_NUMBER, NUMBER, is_alive), 0);
}

static void test_alive(void **state) {
        Setup *s = *state;
        Filesystem *filesystem;

        adopt(s, true);
        run_until_greeted(s);
        assert_true(s->is_held_told);
        assert_int_equal(s->n_events, 0); /* nobody knows its name yet */
        filesystem = filesystem_table_find_device(engine_filesystems(s->engine), DEVICE_NUMBER);
        assert_non_null(filesystem);
        assert_int_equal(filesystem->totals.n_records, 3);
        assert_true(filesystem_is_watched(filesystem));

        say(s, WORKER_FILESYSTEM);
        say(s, WORKER_MOUNT_ADDED);
        run_until_events(s, 3);
        for (uint32_t i = 0; i < 3; i++)
                assert_int_equal(s->groups[i], i + 1);
        assert_int_equal(s->n_with_mount, 3);
        assert_int_equal(record_ring_count(s->engine->ring), 0);
        assert_int_equal(s->n_kept, 0); /* it is kept already */
        assert_int_equal(s->n_forgotten, 0);
}

static void test_mounted_nowhere(void **state) {
        Setup *s = *state;

        adopt(s, true);
        run_until_greeted(s);
        say(s, WORKER_MOUNTS_LISTED);
        run_until_events(s, 3);
        assert_int_equal(s->n_gone, 0); /* alive in another namespace: its monitor says when it ends */
}

static void test_stopped_before_it_is_decided(void **state) {
        Setup *s = *state;

        for (unsigned i = 0; i < 2; i++) {
                adopt(s, true);
                run_until_greeted(s);
                assert_int_equal(record_ring_count(s->engine->ring), 3);
                stop(s);
                s->is_greeted = false;
                start(s);
        }
        adopt(s, true);
        run_until_greeted(s);
        assert_int_equal(s->n_events, 0);
        say(s, WORKER_FILESYSTEM);
        say(s, WORKER_MOUNT_ADDED);
        run_until_events(s, 3);
        assert_int_equal(s->n_forgotten, 0);
}

static void test_ended_meanwhile(void **state) {
        Setup *s = *state;

        s->pipe[1] = close_fd(s->pipe[1]);
        adopt(s, false);
        assert_int_equal(s->n_events, 4);
        assert_int_equal(s->kinds[3], EVENT_UNMOUNTED);
        assert_int_equal(s->n_gone, 1);
        assert_int_equal(s->n_forgotten, 1);
        assert_int_equal(s->last_number, NUMBER);
        assert_int_equal(record_ring_count(s->engine->ring), 0);

        /* Its place is free for the next file system with this number. */
        s->n_events = 0;
        run_until_greeted(s);
        assert_false(s->is_held_told);
}

static void test_new_ones_are_kept(void **state) {
        Setup *s = *state;
        WorkerMessage message;

        run_until_greeted(s);
        worker_message_init(&message, WORKER_FILESYSTEM);
        message.filesystem.device_number = DEVICE_NUMBER;
        message.filesystem.monitor_state = MONITOR_OPENED;
        strcpy(message.filesystem.type, "xfs");
        fake_worker_say(&s->worker, &message, s->pipe[0]);
        say(s, WORKER_MOUNT_ADDED);
        run_until_events(s, 1);
        assert_int_equal(s->n_kept, 1);
        assert_true(s->last_number > NUMBER);

        s->pipe[1] = close_fd(s->pipe[1]);
        run_until_events(s, 2);
        assert_int_equal(s->kinds[1], EVENT_UNMOUNTED);
        assert_int_equal(s->n_forgotten, 1);
}

/* However many decisions wait and however long each takes, what comes meanwhile is read between them. */
static void test_read_between_decisions(void **state) {
        Setup *s = *state;

        for (uint32_t i = 4; i <= 33; i++)
                queue_group(s, i);
        adopt(s, true);
        run_until_greeted(s);
        assert_int_equal(s->n_events, 0);

        s->spin_usec = 2 * WORK_TURN_USEC;
        say(s, WORKER_FILESYSTEM);
        say(s, WORKER_MOUNT_ADDED);
        while (s->n_events < 33)
                assert_true(sd_event_run(s->event, 30 * USEC_PER_SEC) > 0);
        assert_int_equal(s->n_records_at_20, 34);
        run_until_events(s, 34);
        for (uint32_t i = 0; i < 33; i++)
                assert_int_equal(s->groups[i], i + 1);
        assert_int_equal(s->groups[33], 1000);
        assert_int_equal(record_ring_count(s->engine->ring), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_alive, setup, teardown),
                cmocka_unit_test_setup_teardown(test_mounted_nowhere, setup, teardown),
                cmocka_unit_test_setup_teardown(test_stopped_before_it_is_decided, setup, teardown),
                cmocka_unit_test_setup_teardown(test_ended_meanwhile, setup, teardown),
                cmocka_unit_test_setup_teardown(test_new_ones_are_kept, setup, teardown),
                cmocka_unit_test_setup_teardown(test_read_between_decisions, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
