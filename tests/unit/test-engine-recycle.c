/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A file system that was shut down is unmounted and mounted again: each step, what ends it there, and what is said
 * then.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/basic/clock.h"
#include "src/basic/text.h"
#include "src/engine/engine-recycle.h"
#include "src/protocol/workload-list.h"
#include "tests/unit/survey-fixture.h"

typedef struct User {
        const char *unit, *spared_because;
} User;

static struct {
        User users[4];
        size_t n_users;
        unsigned n_recycles, n_starts, n_taken, n_cancels;
        WorkerRecycleRequest last;
        WorkloadPlan list;              /* of the last order */
        Outcome outcome, start_outcome;
        const char *detail;
        bool is_silent, was_begun;
        Job *job;                       /* the last one that ended; a reference */
        EventKind last_kind;
} worker;

static void say_result(Setup *s, uint64_t job_id, Outcome outcome, const char *detail) {
        WorkerMessage message;

        worker_message_init(&message, WORKER_JOB_RESULT);
        message.result.job_id = job_id;
        message.result.device_number = DEVICE_NUMBER;
        message.result.outcome = (uint8_t) outcome;
        strcpy(message.result.detail, detail ? detail : "");
        fake_worker_say(&s->worker, &message, -EBADF);
}

static void tell_users(Setup *s, uint64_t request_id) {
        WorkerMessage message;

        for (size_t i = 0; i < worker.n_users; i++) {
                worker_message_init(&message, WORKER_USER);
                message.user.request_id = request_id;
                message.user.uses = USE_OPEN;
                message.user.pid = 100 + (int) i;
                message.user.uid = message.user.owner = UINT32_MAX;
                strcpy(message.user.name, "program");
                strcpy(message.user.unit, worker.users[i].unit);
                strcpy(message.user.spared_because, worker.users[i].spared_because);
                fake_worker_say(&s->worker, &message, -EBADF);
        }
        worker_message_init(&message, WORKER_USERS_END);
        message.users_end.request_id = request_id;
        fake_worker_say(&s->worker, &message, -EBADF);
}

/* As the worker does it: a unit that needs one of them is stopped as well. */
static void tell_stopped(Setup *s, uint64_t job_id) {
        WorkerMessage message;

        worker_message_init(&message, WORKER_WORKLOAD);
        message.workload.job_id = job_id;
        message.workload.fate = FATE_STOPPED;
        message.workload.owner = UINT32_MAX;
        for (size_t i = 0; i < worker.list.n_workloads; i++) {
                strcpy(message.workload.unit, worker.list.workloads[i].workload.unit);
                fake_worker_say(&s->worker, &message, -EBADF);
        }
        strcpy(message.workload.unit, "web.service");
        fake_worker_say(&s->worker, &message, -EBADF);
        worker_message_init(&message, WORKER_JOB_STARTED);
        message.result.job_id = job_id;
        strcpy(message.result.detail, "it is unmounted");
        fake_worker_say(&s->worker, &message, -EBADF);
}

static bool on_message(Setup *s, const WorkerMessage *message, int fd) {
        switch (message->header.type) {
        case WORKER_LIST_USERS:
                tell_users(s, message->users.request_id);
                return true;
        case WORKER_RECYCLE:
        case WORKER_START_AGAIN:
                worker.last = message->recycle;
                workload_plan_clear(&worker.list);
                assert_int_equal(workload_list_read(fd, &worker.list), 0);
                if (message->header.type == WORKER_START_AGAIN) {
                        worker.n_starts++;
                        say_result(s, worker.last.job_id, worker.start_outcome, worker.detail);
                        return true;
                }
                worker.n_recycles++;
                if (worker.was_begun)
                        tell_stopped(s, worker.last.job_id);
                if (!worker.is_silent)
                        say_result(s, worker.last.job_id, worker.outcome, worker.detail);
                return true;
        case WORKER_JOB_TAKEN:
                worker.n_taken++;
                return true;
        case WORKER_CANCEL:
                worker.n_cancels++;
                say_result(s, message->cancel.job_id, OUTCOME_CANCELLED, NULL);
                return true;
        default:
                return false;
        }
}

static void on_job(_unused_ void *userdata, Job *job, _unused_ const Filesystem *filesystem) {
        if (job->state != JOB_ENDED || job->request.kind != ACTION_RECYCLE)
                return;
        job_unref(worker.job);
        worker.job = job_ref(job);
}

static void on_event(_unused_ void *userdata, const HealthEvent *event, _unused_ const Filesystem *filesystem,
                     _unused_ const char *path, _unused_ const EventFacts *facts) {
        worker.last_kind = event->kind;
}

static int setup(void **state) {
        const EngineObserver observer = { .on_job = on_job, .on_event = on_event };
        int r = survey_setup(state);
        Setup *s = *state;

        memset(&worker, 0, sizeof(worker));
        worker.outcome = worker.start_outcome = OUTCOME_DONE;
        worker.was_begun = true;
        worker.users[0] = (User) { "db.service", "" };
        worker.users[1] = (User) { "app.service", "" };
        worker.n_users = 2;
        s->on_message = on_message;
        s->has_uuid = true;
        s->autofsck = AUTOFSCK_REPAIR;
        assert_int_equal(engine_add_observer(s->engine, &observer), 0);
        return r;
}

static int teardown(void **state) {
        job_unref(worker.job);
        workload_plan_clear(&worker.list);
        return survey_teardown(state);
}

static void shut_down(Setup *s) {
        const HealthEvent event = {
                .filesystem_id = the_filesystem(s)->id,
                .kind = EVENT_SHUTDOWN,
                .domain = DOMAIN_MOUNT,
                .count = 1,
        };

        engine_take_event(s->engine, &event);
        run_quiet(s);
        assert_true(the_filesystem(s)->is_shut_down);
}

static void order(Setup *s) {
        const CallerOrder wanted = {
                .filesystem = the_filesystem(s),
                .action = ACTION_RECYCLE,
                .timeout_usec = USEC_INFINITY,
        };
        _cleanup_(free_at) char *denied = NULL;
        Job *job;

        assert_int_equal(engine_order(s->engine, &wanted, &job, &denied), 1);
        run_quiet(s);
}

static void begin(Setup *s) {
        attach_and_answer(s);
        shut_down(s);
        order(s);
}

static void run_until_ended(Setup *s) {
        while (!worker.job)
                assert_true(sd_event_run(s->event, 30 * USEC_PER_SEC) > 0);
        run_quiet(s);
        assert_true(TAILQ_EMPTY(&s->engine->recycle_runs));
        assert_true(TAILQ_EMPTY(&s->engine->fail_runs));
}

static const HealthCondition *condition(Setup *s) {
        return condition_find(&the_filesystem(s)->conditions, CONDITION_RECYCLE_FAILED, "");
}

static void assert_said(Setup *s, const char *text) {
        const HealthCondition *raised = condition(s);

        assert_non_null(raised);
        if (!strstr(raised->message, text))
                fail_msg("\"%s\" is not in: %s", text, raised->message);
}

static void test_the_whole_way(void **state) {
        Setup *s = *state;

        begin(s);
        assert_int_equal(worker.n_recycles, 1);
        assert_int_equal(worker.last.device_number, DEVICE_NUMBER);
        assert_int_equal(worker.list.n_workloads, 2);
        /* The worker may forget the first result. */
        assert_int_equal(worker.n_taken, 1);
        unmount_and_mount(s);
        run_until_requests(s, 2);
        assert_int_equal(worker.n_starts, 0);
        answer(s, s->requests + 1, 0);
        run_until_ended(s);

        assert_int_equal(worker.n_starts, 1);
        assert_int_equal(worker.list.n_workloads, 3);
        assert_non_null(workload_plan_find(&worker.list, "db.service", ""));
        assert_non_null(workload_plan_find(&worker.list, "app.service", ""));
        assert_non_null(workload_plan_find(&worker.list, "web.service", ""));
        assert_int_equal(worker.job->report.outcome, OUTCOME_DONE);
        assert_null(condition(s));
        assert_int_equal(worker.last_kind, EVENT_RECYCLE_DONE);
        assert_int_equal(worker.n_taken, 2);
}

static void test_nobody_uses_it(void **state) {
        Setup *s = *state;

        worker.n_users = 0;
        worker.was_begun = false;
        begin(s);
        assert_int_equal(worker.n_recycles, 1);
        assert_int_equal(worker.list.n_workloads, 0);
        unmount_and_mount(s);
        run_until_requests(s, 2);
        answer(s, s->requests + 1, 0);
        run_until_ended(s);
        assert_int_equal(worker.n_starts, 0);
        assert_int_equal(worker.job->report.outcome, OUTCOME_DONE);
}

static void test_refused(void **state) {
        Setup *s = *state;

        attach_and_answer(s);
        order(s);
        assert_int_equal(worker.job->report.outcome, OUTCOME_REFUSED);
        assert_string_equal(worker.job->report.detail, "it is not shut down");

        /* One who is spared is enough. */
        shut_down(s);
        worker.users[2] = (User) { "ssh.service", "is how people log in" };
        worker.n_users = 3;
        order(s);
        assert_string_equal(worker.job->report.detail, "ssh.service uses it, and is spared: is how people log in");
        assert_said(s, "ssh.service uses it");
        worker.n_users = 2;
        for (unsigned i = 0; i < 2; i++) {
                the_filesystem(s)->facts.is_root = i == 0 ? TRISTATE_UNKNOWN : TRISTATE_NO;
                the_filesystem(s)->facts.is_state = i == 1 ? TRISTATE_YES : TRISTATE_NO;
                order(s);
                assert_int_equal(worker.job->report.outcome, OUTCOME_REFUSED);
        }
        assert_int_equal(worker.n_recycles, 0);
}

/* The worker looked, and touched nothing. */
static void test_refused_by_the_worker(void **state) {
        Setup *s = *state;

        worker.outcome = OUTCOME_REFUSED;
        worker.detail = "nothing was touched: srv.mount has no file";
        worker.was_begun = false;
        begin(s);
        run_until_ended(s);
        assert_said(s, "nothing was touched: srv.mount has no file");
        assert_null(strstr(condition(s)->message, "systemctl"));
}

static void test_busy(void **state) {
        Setup *s = *state;

        worker.outcome = OUTCOME_FAILED;
        worker.detail = "it could not be unmounted: target is busy";
        begin(s);
        run_until_ended(s);
        assert_int_equal(worker.n_starts, 0);
        assert_int_equal(worker.last_kind, EVENT_RECYCLE_FAILED);
        assert_int_equal(condition(s)->severity, SEVERITY_CRITICAL);
        assert_said(s, "it ended where it is unmounted: it could not be unmounted: target is busy");
        assert_said(s, "umount /srv && systemctl start /srv");
        assert_said(s, "systemctl start db.service app.service web.service");
        /* Whoever tries again and comes through has seen to it. */
        job_unref(worker.job);
        worker.job = NULL;
        worker.outcome = OUTCOME_DONE;
        order(s);
        unmount_and_mount(s);
        run_until_requests(s, 2);
        answer(s, s->requests + 1, 0);
        run_until_ended(s);
        assert_null(condition(s));
}

/* There is no file system then that could have a condition: it waits for the next mount. */
static void test_cannot_be_mounted(void **state) {
        Setup *s = *state;

        worker.is_silent = true;
        begin(s);
        close_fd(s->pipe[1]);
        run_quiet(s);
        assert_null(filesystem_table_find_device(engine_filesystems(s->engine), DEVICE_NUMBER));
        say_result(s, worker.last.job_id, OUTCOME_FAILED, "it was unmounted, and could not be mounted again");
        run_until_ended(s);
        assert_int_equal(worker.job->report.outcome, OUTCOME_FAILED);
        assert_int_equal(worker.n_starts, 0);

        close_fd(s->pipe[0]);
        assert_int_equal(pipe(s->pipe), 0);
        tell_filesystem(s, DEVICE_NUMBER, s->pipe[0]);
        assert_said(s, "could not be mounted again; mount it: systemctl start /srv; units");
        assert_said(s, "systemctl start db.service");
}

static void test_damage_is_left(void **state) {
        static const uint32_t groups[] = { 1 };
        Setup *s = *state;

        s->autofsck = AUTOFSCK_CHECK;
        begin(s);
        unmount_and_mount(s);
        run_until_requests(s, 2);
        answer_groups(s, s->requests + 1, groups, 1, true);
        run_until_ended(s);
        assert_int_equal(worker.n_starts, 0);
        assert_int_equal(worker.job->report.outcome, OUTCOME_STILL_CORRUPT);
        assert_said(s, "damage is left: sick agno 0x1");
        assert_said(s, "systemctl start db.service");
        assert_null(strstr(condition(s)->message, "umount"));
}

static void test_damage_is_repaired(void **state) {
        static const uint32_t groups[] = { 1 };
        Setup *s = *state;

        s->are_repairs_slow = true;
        begin(s);
        unmount_and_mount(s);
        run_until_requests(s, 2);
        answer_groups(s, s->requests + 1, groups, 1, true);
        run_quiet(s);
        assert_int_equal(s->n_repairs, 1);
        assert_int_equal(worker.n_starts, 0);
        assert_null(worker.job);
        /* What the repair brought to light is asked for as well, but that is a minute away. */
        answer_job(s, s->last_job_id);
        run_quiet(s);
        assert_int_equal(worker.n_starts, 0);
        assert_null(worker.job);
}

static void test_shut_down_again(void **state) {
        Setup *s = *state;

        begin(s);
        unmount_and_mount(s);
        shut_down(s);
        run_until_ended(s);
        assert_int_equal(worker.job->report.outcome, OUTCOME_SHUT_DOWN);
        assert_int_equal(worker.n_starts, 0);
        assert_said(s, "it was shut down again");
}

static void test_not_all_started(void **state) {
        Setup *s = *state;

        begin(s);
        unmount_and_mount(s);
        run_until_requests(s, 2);
        worker.start_outcome = OUTCOME_FAILED;
        worker.detail = "not started: app.service; app.service: failed";
        answer(s, s->requests + 1, 0);
        run_until_ended(s);
        assert_int_equal(worker.n_starts, 1);
        assert_said(s, "it ended where the units are started again: not started: app.service");
}

static void test_cancelled(void **state) {
        Setup *s = *state;

        begin(s);
        assert_int_equal(job_queue_cancel(engine_jobs(s->engine), worker.last.job_id), 0);
        run_until_ended(s);
        assert_int_equal(worker.job->report.outcome, OUTCOME_CANCELLED);
        assert_int_equal(worker.n_cancels, 0);
        assert_said(s, "systemctl start db.service");
}

static void test_worker_is_lost(void **state) {
        Setup *s = *state;

        worker.is_silent = true;
        begin(s);
        fake_worker_hang_up(&s->worker);
        run_until_ended(s);
        assert_int_equal(worker.job->report.outcome, OUTCOME_WORKER_LOST);
        assert_said(s, "it ended where it is unmounted: the worker went away in the middle of it");
        assert_said(s, "systemctl start db.service app.service web.service");
}

static void adopt(Setup *s, const char *boot_id, const char *rest, int expected) {
        char value[512];

        (void) snprintf(value, sizeof(value), "1 %s %s", boot_id, rest);
        assert_int_equal(engine_adopt_recycle(s->engine, RECYCLE_KEY_PREFIX "00000000-0000-0000-0000-000000000000",
                                              value, strlen(value)), expected);
}

/* A healerd that was killed in the middle says so when it is there again; after a boot everything runs anew. */
static void test_kept(void **state) {
        char boot_id[BOOT_ID_SIZE];
        Setup *s = *state;

        attach_and_answer(s);
        engine_find_boot_id(s->engine, boot_id);
        adopt(s, "another", "7 0 db.service", 0);
        assert_null(condition(s));
        adopt(s, boot_id, "7 9 db.service", -EBADMSG);
        adopt(s, boot_id, "x 0 db.service", -EBADMSG);
        /* It becomes a command that somebody types. */
        adopt(s, boot_id, "7 0 db.service;reboot", -EBADMSG);
        adopt(s, boot_id, "7 0 --force", -EBADMSG);
        adopt(s, boot_id, "7 0 +3 db.service", -EBADMSG);
        adopt(s, boot_id, "7 0 db.service\nx.service", -EBADMSG);
        assert_int_equal(engine_adopt_recycle(s->engine, RECYCLE_KEY_PREFIX "x", "1", 1), -EBADMSG);
        assert_int_equal(engine_adopt_recycle(s->engine, RECYCLE_KEY_PREFIX "00000000-0000-0000-0000-000000000000",
                                              "2 x", 3), -EPROTONOSUPPORT);
        adopt(s, boot_id, "7 0 db.service app.service", 0);
        assert_said(s, "healerd ended where the file system is unmounted and mounted again, and does not go on");
        assert_said(s, "may stand still, when all is well: systemctl start db.service app.service");
        assert_int_equal(condition(s)->event_id, 7);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_the_whole_way),
                TEST(test_nobody_uses_it),
                TEST(test_refused),
                TEST(test_refused_by_the_worker),
                TEST(test_busy),
                TEST(test_cannot_be_mounted),
                TEST(test_damage_is_left),
                TEST(test_damage_is_repaired),
                TEST(test_shut_down_again),
                TEST(test_not_all_started),
                TEST(test_cancelled),
                TEST(test_worker_is_lost),
                TEST(test_kept),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
