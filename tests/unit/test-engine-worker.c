/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The engine and what the worker says or does not say: monitors that are not ours, a worker that stands still, a result
 * that nobody waits for.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "src/engine/engine-internal.h"
#include "tests/unit/fake-worker.h"

#define DEVICE_NUMBER 0x701

typedef struct Setup {
        sd_event *event;
        Engine *engine;
        FakeWorker worker;
        unsigned n_gathers, n_asked_for_life, n_taken, n_released, n_events, n_zones;
        WorkerUsersRequest users;       /* the last one that was asked */
        unsigned n_users_asked;
} Setup;

/* Questions are not answered at all. */
static void on_worker_message(void *userdata, const WorkerMessage *message, int fd) {
        Setup *s = userdata;

        (void) fd;
        if (message->header.type == WORKER_GATHER && message->gather.request_id == 0)
                s->n_asked_for_life++;
        else if (message->header.type == WORKER_GATHER)
                s->n_gathers++;
        else if (message->header.type == WORKER_JOB_TAKEN)
                s->n_taken++;
        else if (message->header.type == WORKER_RELEASED)
                s->n_released++;
        else if (message->header.type == WORKER_LIST_USERS) {
                s->users = message->users;
                s->n_users_asked++;
        }
}

static void on_event(void *userdata, const HealthEvent *event, const Filesystem *filesystem, const char *path,
                     _unused_ const EventFacts *facts) {
        (void) event;
        (void) filesystem;
        (void) path;
        ((Setup *) userdata)->n_events++;
}

static void on_zone(void *userdata, const char *name) {
        (void) name;
        ((Setup *) userdata)->n_zones++;
}

static void run_once(Setup *s) {
        assert_true(sd_event_run(s->event, 60 * USEC_PER_SEC) > 0);
}

/* Everything here runs on one loop, so what is not ready now will never be without somebody doing something. */
static void run_quiet(Setup *s) {
        while (sd_event_run(s->event, 0) > 0)
                ;
}

static void tell_filesystem(Setup *s, MonitorState monitor, int error, int holder_pid) {
        WorkerMessage message;

        worker_message_init(&message, WORKER_FILESYSTEM);
        message.filesystem.device_number = DEVICE_NUMBER;
        message.filesystem.monitor_state = (uint8_t) monitor;
        message.filesystem.error = error;
        message.filesystem.holder_pid = holder_pid;
        strcpy(message.filesystem.type, "xfs");
        if (holder_pid > 0)
                strcpy(message.filesystem.holder_name, "xfs_healer");
        fake_worker_say(&s->worker, &message, -EBADF);
        run_quiet(s);
}

static int setup(void **state) {
        static Setup s;
        EngineOptions options = { .policy.root_directory = "/nonexistent" };
        const EngineObserver observer = { .on_event = on_event, .on_zone = on_zone, .userdata = &s };
        WorkerMessage message;

        s = (Setup) {};
        assert_int_equal(sd_event_new(&s.event), 0);
        fake_worker_init(&s.worker, s.event, &options.worker_fd);
        s.worker.on_message = on_worker_message;
        s.worker.userdata = &s;
        assert_int_equal(engine_new(s.event, &options, &s.engine), 0);
        assert_int_equal(engine_add_observer(s.engine, &observer), 0);
        assert_int_equal(engine_start(s.engine), 0);
        while (!engine_worker_is_connected(s.engine))
                run_once(&s);
        tell_filesystem(&s, MONITOR_UNSUPPORTED, 0, 0);
        worker_message_init(&message, WORKER_MOUNT_ADDED);
        message.mount = (WorkerMount) {
                .device_number = DEVICE_NUMBER,
                .mount_id = 1,
                .is_whole = 1,
                .mount_point = "/srv",
        };
        fake_worker_say(&s.worker, &message, -EBADF);
        run_quiet(&s);
        *state = &s;
        return 0;
}

static int teardown(void **state) {
        Setup *s = *state;

        engine_free(s->engine);
        fake_worker_done(&s->worker);
        sd_event_unref(s->event);
        return 0;
}

static Filesystem *the_filesystem(Setup *s) {
        Filesystem *filesystem = filesystem_table_find_device(engine_filesystems(s->engine), DEVICE_NUMBER);

        assert_non_null(filesystem);
        return filesystem;
}

/* Everybody who looks at conditions hears that nobody would hear of damage, and why. */
static void test_what_is_not_watched_is_a_condition(void **state) {
        Setup *s = *state;
        static const struct {
                MonitorState monitor;
                int error, holder_pid;
                Severity severity;
                const char *says;       /* NULL: no condition */
        } steps[] = {
                { MONITOR_UNSUPPORTED, 0, 0, 0, NULL },
                { MONITOR_FOREIGN, 0, 0, SEVERITY_WARNING, "cannot be found" },
                { MONITOR_FOREIGN, 0, 812, SEVERITY_WARNING, "xfs_healer, process 812" },
                { MONITOR_NONE, 0, 0, 0, NULL },
                { MONITOR_FAILED, EMFILE, 0, SEVERITY_ERROR, "EMFILE" },
                { MONITOR_FAILED, ETIMEDOUT, 0, SEVERITY_ERROR, "ETIMEDOUT" },
                { MONITOR_OPENED, 0, 0, SEVERITY_ERROR, "EBADF" }, /* told as ours, and none came with it */
                { MONITOR_ENDED, 0, 0, SEVERITY_ERROR, "ended" },
                { MONITOR_UNSUPPORTED, 0, 0, 0, NULL },
        };

        for (size_t i = 0; i < ELEMENTSOF(steps); i++) {
                const HealthCondition *condition;

                print_message("%zu: %s\n", i, monitor_state_to_name(steps[i].monitor));
                tell_filesystem(s, steps[i].monitor, steps[i].error, steps[i].holder_pid);
                condition = condition_find(&the_filesystem(s)->conditions, CONDITION_NOT_WATCHED, "");
                if (!steps[i].says) {
                        assert_null(condition);
                        continue;
                }
                assert_non_null(condition);
                assert_int_equal(condition->severity, steps[i].severity);
                assert_non_null(strstr(condition->message, steps[i].says));
                assert_int_equal(the_filesystem(s)->conditions.n_items, 1);
        }
}

static void tell_mount(Setup *s, WorkerMessageType type, uint64_t mount_id, const char *mount_point) {
        WorkerMessage message;

        worker_message_init(&message, type);
        message.mount = (WorkerMount) { .device_number = DEVICE_NUMBER, .mount_id = mount_id, .is_whole = 1 };
        strcpy(message.mount.mount_point, mount_point);
        fake_worker_say(&s->worker, &message, -EBADF);
        run_quiet(s);
}

/* The kernel told healerd of the unmount before it told the worker, and the worker spoke of the file system once more
 * in between: what it says then is over with the mount that it knew. */
static void test_last_word_about_what_is_gone(void **state) {
        Setup *s = *state;

        tell_mount(s, WORKER_MOUNT_GONE, 1, "/srv");
        assert_null(filesystem_table_find_device(engine_filesystems(s->engine), DEVICE_NUMBER));
        tell_filesystem(s, MONITOR_FAILED, ENOENT, 0);
        assert_non_null(filesystem_table_find_device(engine_filesystems(s->engine), DEVICE_NUMBER));
        tell_mount(s, WORKER_MOUNT_GONE, 1, "/srv");
        assert_null(filesystem_table_find_device(engine_filesystems(s->engine), DEVICE_NUMBER));
}

/* Told to be ours, and it is not: the worker hears that, and nothing is shown that nobody can look at. */
static void test_told_as_held_and_is_not(void **state) {
        Setup *s = *state;

        tell_mount(s, WORKER_MOUNT_GONE, 1, "/srv");
        s->n_released = 0;
        tell_filesystem(s, MONITOR_OPENED, 0, 0);
        assert_null(filesystem_table_find_device(engine_filesystems(s->engine), DEVICE_NUMBER));
        assert_int_equal(s->n_released, 1);
}

/* A mount that was moved or made read-only keeps its number, and the file system its life. */
static void test_moved_mount(void **state) {
        Setup *s = *state;
        uint64_t id = the_filesystem(s)->id;

        tell_mount(s, WORKER_MOUNT_ADDED, 1, "/elsewhere");
        assert_int_equal(the_filesystem(s)->id, id);
        assert_int_equal(the_filesystem(s)->n_mounts, 1);
        assert_string_equal(the_filesystem(s)->mounts[0].mount_point, "/elsewhere");
}

/* A worker that stands still is not decided without: the line is dropped, and the event waits for the next worker. */
static void test_worker_that_stands_still(void **state) {
        Setup *s = *state;
        const HealthEvent event = {
                .filesystem_id = the_filesystem(s)->id,
                .kind = EVENT_SICK,
                .domain = DOMAIN_AG,
                .structure = STRUCTURE_AG_FINOBT,
                .count = 1,
        };

        engine_take_event(s->engine, &event);
        while (engine_worker_is_connected(s->engine))
                run_once(s);
        run_quiet(s);
        assert_int_equal(s->n_gathers, 1);
        assert_int_equal(s->n_asked_for_life, 1);
        assert_int_equal(s->n_events, 0);
        assert_int_equal(s->engine->n_cases, 1);
        assert_false(s->engine->is_worker_given_up);
}

/* The worker keeps results until they are taken, and says them again after each hello. */
static void tell_zone(Setup *s, const char *name, const char *file, unsigned seals) {
        fake_worker_say_zone(&s->worker, name, file, seals);
        run_quiet(s);
}

/* 2026-11-28 00:00 UTC by the zone that decisions have. */
static int hour_of_decisions(Setup *s) {
        WallTime wall;

        zone_wall_time(engine_facts(s->engine, NULL, the_filesystem(s)).zone, 1795824000, &wall);
        return wall.hour;
}

static void test_time_zone(void **state) {
        Setup *s = *state;

        if (access(ZONE_FOLDER "/Europe/Berlin", F_OK) < 0) {
                print_message("no zone files: tzdata is not installed\n");
                skip();
        }
        assert_string_equal(engine_zone_name(s->engine), "");
        assert_int_equal(hour_of_decisions(s), 0);

        tell_zone(s, "Europe/Berlin", "Europe/Berlin", FAKE_WORKER_ALL_SEALS);
        assert_string_equal(engine_zone_name(s->engine), "Europe/Berlin");
        assert_int_equal(hour_of_decisions(s), 1);
        assert_int_equal(s->n_zones, 1);
        tell_zone(s, "Asia/Tokyo", "Asia/Tokyo", FAKE_WORKER_ALL_SEALS);
        assert_int_equal(hour_of_decisions(s), 9);

        /* What could be changed while it is used is not taken, nor what is no zone: the last one stays. */
        tell_zone(s, "Europe/Berlin", "Europe/Berlin", F_SEAL_SHRINK | F_SEAL_GROW);
        tell_zone(s, "zone.tab", "zone.tab", FAKE_WORKER_ALL_SEALS);
        assert_string_equal(engine_zone_name(s->engine), "Asia/Tokyo");
        assert_int_equal(s->n_zones, 2);

        /* So it does without a worker. */
        fake_worker_hang_up(&s->worker);
        run_quiet(s);
        assert_false(engine_worker_is_connected(s->engine));
        assert_int_equal(hour_of_decisions(s), 9);
}

/* A machine without /etc/localtime: UTC, and known to be that. */
static void test_time_zone_utc(void **state) {
        Setup *s = *state;

        tell_zone(s, "UTC", NULL, 0);
        assert_string_equal(engine_zone_name(s->engine), "UTC");
        assert_int_equal(hour_of_decisions(s), 0);
        assert_int_equal(s->n_zones, 1);
}

static void test_result_that_nobody_waits_for_is_taken(void **state) {
        Setup *s = *state;
        WorkerMessage message;

        worker_message_init(&message, WORKER_JOB_RESULT);
        message.result.job_id = 4711;
        message.result.device_number = DEVICE_NUMBER;
        message.result.outcome = OUTCOME_DONE;
        fake_worker_say(&s->worker, &message, -EBADF);
        while (s->n_taken == 0)
                run_once(s);
        run_quiet(s);
        assert_int_equal(s->n_taken, 1);
        assert_int_equal(the_filesystem(s)->totals.n_healed, 0);
}

typedef struct Told {
        unsigned n_users, n_ends;
        WorkerUsersEnd end;
} Told;

static void on_user(void *userdata, const WorkerUser *user, const WorkerUsersEnd *end) {
        Told *told = userdata;

        assert_true(!user != !end);
        told->n_users += user != NULL;
        if (end) {
                told->n_ends++;
                told->end = *end;
        }
}

static void tell_users(Setup *s, WorkerMessageType type, uint64_t request_id, int error) {
        WorkerMessage message;

        worker_message_init(&message, type);
        if (type == WORKER_USER)
                message.user.request_id = request_id;
        else
                message.users_end = (WorkerUsersEnd) { .request_id = request_id, .error = error, .n_users = 1 };
        fake_worker_say(&s->worker, &message, -EBADF);
        run_quiet(s);
}

/* Each answer goes to whoever asked, and nobody waits for a worker that is gone. */
static void test_who_asks_for_users_is_answered(void **state) {
        Told told[ENGINE_USERS_QUESTIONS_MAX + 1] = {};
        Setup *s = *state;
        uint64_t first, last;

        for (size_t i = 0; i < ENGINE_USERS_QUESTIONS_MAX; i++)
                assert_int_equal(engine_list_users(s->engine, the_filesystem(s), i, on_user, told + i), 0);
        assert_int_equal(engine_list_users(s->engine, the_filesystem(s), 0, on_user, told + ENGINE_USERS_QUESTIONS_MAX),
                         -ENOBUFS);
        run_quiet(s);
        assert_int_equal(s->n_users_asked, ENGINE_USERS_QUESTIONS_MAX);
        assert_int_equal(s->users.device_number, DEVICE_NUMBER);
        assert_int_equal(s->users.inode, ENGINE_USERS_QUESTIONS_MAX - 1);
        last = s->users.request_id;
        first = last - ENGINE_USERS_QUESTIONS_MAX + 1;

        tell_users(s, WORKER_USER, last, 0);
        tell_users(s, WORKER_USER, first, 0);
        tell_users(s, WORKER_USER, first, 0);
        tell_users(s, WORKER_USER, last + 1, 0);
        tell_users(s, WORKER_USERS_END, first, 0);
        tell_users(s, WORKER_USERS_END, first, 0);
        assert_int_equal(told[0].n_users, 2);
        assert_int_equal(told[0].n_ends, 1);
        assert_int_equal(told[0].end.n_users, 1);
        assert_int_equal(told[ENGINE_USERS_QUESTIONS_MAX - 1].n_users, 1);
        assert_int_equal(told[ENGINE_USERS_QUESTIONS_MAX - 1].n_ends, 0);

        fake_worker_hang_up(&s->worker);
        while (engine_worker_is_connected(s->engine))
                run_once(s);
        for (size_t i = 1; i < ENGINE_USERS_QUESTIONS_MAX; i++) {
                assert_int_equal(told[i].n_ends, 1);
                assert_int_equal(told[i].end.error, ENOTCONN);
        }
        assert_int_equal(told[0].n_ends, 1);
        assert_int_equal(engine_list_users(s->engine, the_filesystem(s), 0, on_user, told), -ENOTCONN);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_what_is_not_watched_is_a_condition, setup, teardown),
                cmocka_unit_test_setup_teardown(test_who_asks_for_users_is_answered, setup, teardown),
                cmocka_unit_test_setup_teardown(test_last_word_about_what_is_gone, setup, teardown),
                cmocka_unit_test_setup_teardown(test_told_as_held_and_is_not, setup, teardown),
                cmocka_unit_test_setup_teardown(test_moved_mount, setup, teardown),
                cmocka_unit_test_setup_teardown(test_worker_that_stands_still, setup, teardown),
                cmocka_unit_test_setup_teardown(test_time_zone, setup, teardown),
                cmocka_unit_test_setup_teardown(test_time_zone_utc, setup, teardown),
                cmocka_unit_test_setup_teardown(test_result_that_nobody_waits_for_is_taken, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
