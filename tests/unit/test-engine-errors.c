/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * File systems without a health monitor of ours: their error watch, what they counted before, and what becomes of both
 * when a monitor comes, the file system goes, or another healerd takes over. Pipes play the watches.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "kernel/error-watch.h"
#include "kernel/health-monitor.h"
#include "src/engine/engine-internal.h"
#include "tests/unit/error-records.h"
#include "tests/unit/fake-worker.h"

#define DEVICE_NUMBER 0x700

typedef struct Setup {
        sd_event *event;
        Engine *engine;
        FakeWorker worker;
        int watch[2], monitor[2];
        bool is_held_told, is_greeted;
        HealthEvent events[16];
        size_t n_events, n_gone, n_with_mount, n_kept, n_forgotten, n_released, n_raised, n_dropped;
        ConditionCode condition;
        OldErrors last_error;           /* what the worker says when it is asked */
        unsigned n_asked;
} Setup;

/* Which descriptors count as what. */
static bool is_watch_dead;

bool __wrap_health_monitor_fd_is_monitor(int fd);
int __wrap_error_watch_check(int fd, ErrorWatchMark *ret_mark);

bool __wrap_health_monitor_fd_is_monitor(int fd) {
        return fd >= 0;
}

int __wrap_error_watch_check(int fd, ErrorWatchMark *ret_mark) {
        if (fd < 0)
                return -EBADF;
        *ret_mark = (ErrorWatchMark) { .is_alive = !is_watch_dead, .device_number = is_watch_dead ? 0 : DEVICE_NUMBER };
        return 0;
}

static void answer_gather(Setup *s, const WorkerGatherRequest *request) {
        WorkerMessage message;

        s->n_asked += request->error_since_sec > 0;
        worker_message_init(&message, WORKER_GATHERED);
        message.gathered.request_id = request->request_id;
        message.gathered.device_number = request->device_number;
        message.gathered.autofsck_state = FACT_ABSENT;
        message.gathered.last_error = s->last_error;
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
        else if (message->header.type == WORKER_RELEASED)
                s->n_released++;
        else if (message->header.type == WORKER_GATHER)
                answer_gather(s, &message->gather);
}

static void on_event(void *userdata, const HealthEvent *event, const Filesystem *filesystem, const char *path,
                     _unused_ const EventFacts *facts) {
        Setup *s = userdata;

        (void) path;
        assert_true(s->n_events < ELEMENTSOF(s->events));
        s->n_with_mount += filesystem->n_mounts > 0;
        s->events[s->n_events++] = *event;
}

static void on_condition(void *userdata, const HealthCondition *condition, bool is_raised,
                         const Filesystem *filesystem) {
        Setup *s = userdata;

        (void) filesystem;
        s->n_raised += is_raised;
        s->n_dropped += !is_raised;
        s->condition = condition->code;
}

static void on_filesystem_gone(void *userdata, Filesystem *filesystem) {
        (void) filesystem;
        ((Setup *) userdata)->n_gone++;
}

static void keep_watch(void *userdata, dev_t device_number, int fd) {
        assert_int_equal(device_number, DEVICE_NUMBER);
        assert_true(fd >= 0);
        ((Setup *) userdata)->n_kept++;
}

static void forget_watch(void *userdata, dev_t device_number) {
        assert_int_equal(device_number, DEVICE_NUMBER);
        ((Setup *) userdata)->n_forgotten++;
}

static void start(Setup *s) {
        EngineOptions options = {
                .policy.root_directory = "/nonexistent",
                .keeper = { .keep_watch = keep_watch, .forget_watch = forget_watch, .userdata = s },
        };
        const EngineObserver observer = {
                .on_event = on_event,
                .on_condition = on_condition,
                .on_filesystem_gone = on_filesystem_gone,
                .userdata = s,
        };

        fake_worker_init(&s->worker, s->event, &options.worker_fd);
        s->worker.on_message = on_worker_message;
        s->worker.userdata = s;
        assert_int_equal(engine_new(s->event, &options, &s->engine), 0);
        assert_int_equal(engine_add_observer(s->engine, &observer), 0);
        assert_int_equal(engine_start(s->engine), 0);
}

static int setup(void **state) {
        static Setup s;

        s = (Setup) {};
        is_watch_dead = false;
        assert_int_equal(sd_event_new(&s.event), 0);
        assert_int_equal(pipe2(s.watch, O_NONBLOCK|O_CLOEXEC), 0);
        assert_int_equal(pipe2(s.monitor, O_NONBLOCK|O_CLOEXEC), 0);
        start(&s);
        *state = &s;
        return 0;
}

static int teardown(void **state) {
        Setup *s = *state;

        engine_free(s->engine);
        fake_worker_done(&s->worker);
        sd_event_unref(s->event);
        for (size_t i = 0; i < 2; i++) {
                close_fd(s->watch[i]);
                close_fd(s->monitor[i]);
        }
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

static WorkerMessage filesystem_message(const char *type, MonitorState state) {
        WorkerMessage message;

        worker_message_init(&message, WORKER_FILESYSTEM);
        message.filesystem.device_number = DEVICE_NUMBER;
        message.filesystem.monitor_state = state;
        message.filesystem.has_error_watch = state != MONITOR_OPENED;
        strcpy(message.filesystem.type, type);
        strcpy(message.filesystem.device, "/dev/loop0");
        return message;
}

static void say(Setup *s, const WorkerMessage *message, int fd) {
        fake_worker_say(&s->worker, message, fd);
        run_quiet(s);
}

static void say_mount(Setup *s, WorkerMessageType type) {
        WorkerMessage message;

        worker_message_init(&message, type);
        message.mount.device_number = DEVICE_NUMBER;
        message.mount.mount_id = 1;
        message.mount.is_whole = 1;
        strcpy(message.mount.mount_point, "/srv");
        say(s, &message, -EBADF);
}

static void come(Setup *s, const char *type, MonitorState state) {
        WorkerMessage message = filesystem_message(type, state);

        run_until_greeted(s);
        say(s, &message, s->watch[0]);
        say_mount(s, WORKER_MOUNT_ADDED);
}

static void write_error(Setup *s, int error, uint32_t inode) {
        const ErrorRecord on_inode = { ABI_FAN_FS_ERROR, error, 1, INO32_HANDLE(inode, 7) };
        const ErrorRecord on_superblock = { ABI_FAN_FS_ERROR, error, 1, ABI_FILEID_INVALID, 0, {} };
        uint8_t bytes[ERROR_RECORD_SIZE];
        size_t length = error_record_write(inode != 0 ? &on_inode : &on_superblock, bytes);

        assert_int_equal(write(s->watch[1], bytes, length), length);
}

static Filesystem *find(Setup *s) {
        return filesystem_table_find_device(engine_filesystems(s->engine), DEVICE_NUMBER);
}

static void test_events(void **state) {
        Setup *s = *state;

        come(s, "ext4", MONITOR_NONE);
        assert_int_equal(filesystem_watched_by(find(s)), WATCHED_BY_FANOTIFY);
        assert_true(filesystem_is_watched(find(s)));
        assert_int_equal(engine_n_unwatched(s->engine), 0);
        assert_int_equal(s->n_kept, 1);

        write_error(s, EUCLEAN, 0);
        run_quiet(s);
        write_error(s, EIO, 12);
        run_quiet(s);
        assert_int_equal(s->n_events, 2);
        assert_int_equal(s->n_with_mount, 2);
        assert_int_equal(s->events[0].kind, EVENT_FILESYSTEM_ERROR);
        assert_int_equal(s->events[0].domain, DOMAIN_FS);
        assert_int_equal(s->events[0].error, EUCLEAN);
        assert_int_equal(s->events[1].inode, 12);
        assert_int_equal(s->events[1].source, EVENT_SOURCE_FANOTIFY);
        assert_int_equal(s->n_raised, 2);
        assert_int_equal(s->condition, CONDITION_FILESYSTEM_ERROR);

        say_mount(s, WORKER_MOUNT_GONE);
        assert_int_equal(s->n_gone, 1);
        assert_int_equal(s->n_forgotten, 1);
        assert_int_equal(s->n_released, 0); /* the worker knows: a mount that comes next must not be attached twice */
        assert_null(find(s));
}

static void test_last_words(void **state) {
        Setup *s = *state;
        WorkerMessage message;

        come(s, "ext4", MONITOR_NONE);
        write_error(s, EIO, 0);
        worker_message_init(&message, WORKER_MOUNT_GONE);
        message.mount.device_number = DEVICE_NUMBER;
        message.mount.mount_id = 1;
        strcpy(message.mount.mount_point, "/srv");
        engine_on_worker_message(s->engine, &message, -EBADF);
        assert_int_equal(s->n_events, 1);
        assert_int_equal(s->n_gone, 1);
}

static void test_shutdown(void **state) {
        Setup *s = *state;

        come(s, "ext4", MONITOR_NONE);
        write_error(s, ESHUTDOWN, 0);
        run_quiet(s);
        assert_int_equal(s->n_events, 1);
        assert_int_equal(s->events[0].kind, EVENT_SHUTDOWN);
        assert_true(find(s)->is_shut_down);
}

static void test_old_errors(void **state) {
        WorkerMessage message = filesystem_message("ext4", MONITOR_NONE);
        Setup *s = *state;

        message.filesystem.old_errors[0] =
                (OldErrors){ .count = 3, .inode = 12, .realtime_sec = 1000, .error = EBADMSG };
        strcpy(message.filesystem.old_errors[0].location, "ext4_find_entry:1594");
        message.filesystem.old_errors[1] = (OldErrors) { .count = 1, .error = EIO };
        run_until_greeted(s);
        say(s, &message, s->watch[0]);
        assert_int_equal(s->n_events, 0); /* nobody knows its name yet */
        say_mount(s, WORKER_MOUNT_ADDED);

        assert_int_equal(s->n_events, 2);
        assert_int_equal(s->n_with_mount, 2);
        assert_int_equal(s->events[0].source, EVENT_SOURCE_SURVEY);
        assert_int_equal(s->events[0].kind, EVENT_FILESYSTEM_ERROR);
        assert_int_equal(s->events[0].domain, DOMAIN_INODE);
        assert_int_equal(s->events[0].inode, 12);
        assert_int_equal(s->events[0].count, 3);
        assert_int_equal(s->events[0].error, EBADMSG);
        assert_int_equal(s->events[0].time_realtime_nsec, UINT64_C(1000000000000));
        assert_string_equal(s->events[0].location, "ext4_find_entry:1594");
        assert_int_equal(s->events[1].domain, DOMAIN_FS);
        assert_int_equal(s->n_kept, 1);
        assert_true(s->events[1].time_realtime_nsec > UINT64_C(1000000000000));
}

/* Told only if it is of this very error. */
static void test_location(void **state) {
        static const struct {
                const char *name;
                OldErrors last;
                const char *location;
        } cases[] = {
                { "the same", { 1, 12, 0, EIO, 0, "ext4_iget:4815" }, "ext4_iget:4815" },
                { "of another inode", { 2, 13, 0, EIO, 0, "ext4_iget:4815" }, "" },
                { "another errno", { 3, 12, 0, EUCLEAN, 0, "ext4_iget:4815" }, "" },
                { "nothing counted", { 0, 12, 0, EIO, 0, "ext4_iget:4815" }, "" },
                { "no place", { 4, 12, 0, EIO, 0, "" }, "" },
        };
        Setup *s = *state;

        come(s, "ext4", MONITOR_NONE);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                print_message("%s\n", cases[i].name);
                s->last_error = cases[i].last;
                s->n_events = 0;
                write_error(s, EIO, 12);
                /* The same again is counted for a while before it is told. */
                while (s->n_events == 0)
                        assert_true(sd_event_run(s->event, 30 * USEC_PER_SEC) > 0);
                assert_int_equal(s->n_asked, i + 1);
                assert_string_equal(s->events[0].location, cases[i].location);
        }
}

static void test_others_are_not_asked(void **state) {
        Setup *s = *state;

        come(s, "btrfs", MONITOR_NONE);
        write_error(s, EIO, 12);
        run_quiet(s);
        assert_int_equal(s->n_events, 1);
        assert_int_equal(s->n_asked, 0);
}

/* Of kernels that tell nobody of errors: counted they are all the same. */
static void test_old_errors_without_a_watch(void **state) {
        WorkerMessage message = filesystem_message("btrfs", MONITOR_NONE);
        Setup *s = *state;

        message.filesystem.has_error_watch = 0;
        message.filesystem.error_watch_error = EOPNOTSUPP;
        message.filesystem.old_errors[1] = (OldErrors) { .count = 2, .error = EUCLEAN };
        run_until_greeted(s);
        say(s, &message, -EBADF);
        assert_int_equal(s->n_events, 0);
        say_mount(s, WORKER_MOUNT_ADDED);
        assert_int_equal(s->n_events, 1);
        assert_int_equal(s->n_with_mount, 1);
        assert_false(filesystem_is_watched(find(s)));
}

static void test_foreign_monitor_ends(void **state) {
        WorkerMessage message = filesystem_message("xfs", MONITOR_OPENED);
        Setup *s = *state;

        come(s, "xfs", MONITOR_FOREIGN);
        assert_int_equal(filesystem_watched_by(find(s)), WATCHED_BY_FANOTIFY);
        assert_false(filesystem_is_watched(find(s)));
        assert_int_equal(engine_n_unwatched(s->engine), 1);

        /* What is still in the watch is told; then nothing comes from there any more. */
        write_error(s, EIO, 0);
        fake_worker_say(&s->worker, &message, s->monitor[0]);
        run_quiet(s);
        assert_int_equal(s->n_events, 1);
        assert_int_equal(filesystem_watched_by(find(s)), WATCHED_BY_HEALTHMON);
        assert_false(find(s)->has_error_watch);
        assert_int_equal(s->n_forgotten, 1);
        assert_int_equal(s->n_gone, 0);
        write_error(s, EIO, 0);
        run_quiet(s);
        assert_int_equal(s->n_events, 1);
}

static void test_said_again(void **state) {
        WorkerMessage message = filesystem_message("ext4", MONITOR_NONE);
        Setup *s = *state;

        come(s, "ext4", MONITOR_NONE);
        say(s, &message, -EBADF);
        assert_true(find(s)->has_error_watch);
        assert_int_equal(s->n_forgotten, 0);

        /* Its mark vanished and another one comes: that is another superblock. */
        is_watch_dead = true;
        say(s, &message, s->watch[0]);
        assert_int_equal(s->n_gone, 1);

        /* It vanished, and none comes. */
        message.filesystem.has_error_watch = 0;
        message.filesystem.error_watch_error = EMFILE;
        say(s, &message, -EBADF);
        assert_int_equal(filesystem_watched_by(find(s)), WATCHED_BY_NONE);
        assert_int_equal(find(s)->error_watch_error, EMFILE);
}

/* What nobody can change is no condition. */
static void test_no_watch(void **state) {
        static const struct {
                int error;
                bool is_condition;
        } rows[] = {
                { EOPNOTSUPP, false },
                { EXDEV, false },
                { EMFILE, true },
                { EPERM, true },
        };
        WorkerMessage message = filesystem_message("btrfs", MONITOR_NONE);
        Setup *s = *state;

        message.filesystem.has_error_watch = 0;
        run_until_greeted(s);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                print_message("%s\n", strerrorname_np(rows[i].error));
                message.filesystem.error_watch_error = rows[i].error;
                say(s, &message, -EBADF);
                assert_int_equal(condition_find(&find(s)->conditions, CONDITION_NOT_WATCHED, "") != NULL,
                                 rows[i].is_condition);
        }
        message.filesystem.error_watch_error = 0;
        say(s, &message, -EBADF);
        assert_null(condition_find(&find(s)->conditions, CONDITION_NOT_WATCHED, ""));
}

static void test_broken(void **state) {
        Setup *s = *state;

        come(s, "ext4", MONITOR_NONE);
        assert_int_equal(write(s->watch[1], "nonsense", 8), 8);
        run_quiet(s);
        assert_int_equal(s->n_events, 1);
        assert_int_equal(s->events[0].kind, EVENT_MONITOR_LOST);
        assert_int_equal(s->events[0].error, EBADMSG);
        assert_int_equal(s->n_released, 1);
        assert_int_equal(filesystem_watched_by(find(s)), WATCHED_BY_NONE);
}

static int copy_of(int fd) {
        int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);

        assert_true(copy >= 0);
        return copy;
}

static void test_adopted(void **state) {
        WorkerMessage message = filesystem_message("ext4", MONITOR_NONE);
        Setup *s = *state;

        write_error(s, EIO, 12);
        assert_int_equal(engine_adopt_error_watch(s->engine, copy_of(s->watch[0]), DEVICE_NUMBER, true), 0);
        assert_int_equal(engine_adopt_error_watch(s->engine, copy_of(s->watch[0]), DEVICE_NUMBER, true), -EEXIST);
        run_until_greeted(s);
        assert_true(s->is_held_told);
        assert_int_equal(s->n_events, 0); /* nobody knows its name yet */

        say(s, &message, -EBADF);
        say_mount(s, WORKER_MOUNT_ADDED);
        assert_int_equal(s->n_events, 1);
        assert_int_equal(s->n_with_mount, 1);
        assert_int_equal(s->events[0].inode, 12);
        assert_int_equal(s->n_kept, 0); /* it is kept already */
        assert_int_equal(s->n_forgotten, 0);
}

static void test_adopted_and_mounted_nowhere(void **state) {
        WorkerMessage message;
        Setup *s = *state;

        write_error(s, EIO, 12);
        assert_int_equal(engine_adopt_error_watch(s->engine, copy_of(s->watch[0]), DEVICE_NUMBER, true), 0);
        run_until_greeted(s);
        worker_message_init(&message, WORKER_MOUNTS_LISTED);
        say(s, &message, -EBADF);
        assert_int_equal(s->n_events, 1);
        assert_int_equal(s->n_gone, 1);
        assert_int_equal(s->n_forgotten, 1);
}

static void test_ended_meanwhile(void **state) {
        Setup *s = *state;

        write_error(s, EIO, 12);
        is_watch_dead = true;
        assert_int_equal(engine_adopt_error_watch(s->engine, copy_of(s->watch[0]), DEVICE_NUMBER, false), 0);
        assert_int_equal(s->n_events, 1);
        assert_int_equal(s->n_gone, 1);
        assert_int_equal(s->n_forgotten, 1);
        run_until_greeted(s);
        assert_false(s->is_held_told);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_events, setup, teardown),
                cmocka_unit_test_setup_teardown(test_last_words, setup, teardown),
                cmocka_unit_test_setup_teardown(test_shutdown, setup, teardown),
                cmocka_unit_test_setup_teardown(test_old_errors, setup, teardown),
                cmocka_unit_test_setup_teardown(test_location, setup, teardown),
                cmocka_unit_test_setup_teardown(test_others_are_not_asked, setup, teardown),
                cmocka_unit_test_setup_teardown(test_old_errors_without_a_watch, setup, teardown),
                cmocka_unit_test_setup_teardown(test_foreign_monitor_ends, setup, teardown),
                cmocka_unit_test_setup_teardown(test_said_again, setup, teardown),
                cmocka_unit_test_setup_teardown(test_no_watch, setup, teardown),
                cmocka_unit_test_setup_teardown(test_broken, setup, teardown),
                cmocka_unit_test_setup_teardown(test_adopted, setup, teardown),
                cmocka_unit_test_setup_teardown(test_adopted_and_mounted_nowhere, setup, teardown),
                cmocka_unit_test_setup_teardown(test_ended_meanwhile, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
