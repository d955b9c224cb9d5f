/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See fail-fixture.h.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "src/basic/clock.h"
#include "src/basic/text.h"
#include "src/protocol/unit-payload.h"
#include "src/protocol/workload-list.h"
#include "tests/unit/fail-fixture.h"

FailFixture fixture;

static const struct {
        UserKind kind;
        const char *name, *unit, *container, *spared_because;
} users[] = {
        { USER_PROCESS, "postgres", "db.service", "", "" },
        { USER_PROCESS, "writer", "db.service", "", "" },
        { USER_PROCESS, "app", "", CONTAINER, "" },
        { USER_PROCESS, "sshd", "ssh.service", "", "is how people log in" },
        { USER_LOOP, "loop7", "", "", "belongs to the kernel" },
};

static void tell_users(Setup *s, const WorkerUsersRequest *request) {
        WorkerMessage message;

        fixture.last_list = *request;
        if (fixture.is_list_silent)
                return;
        for (size_t i = 0; fixture.n_busy == 0 && i < ELEMENTSOF(users); i++) {
                worker_message_init(&message, WORKER_USER);
                message.user.request_id = request->request_id;
                message.user.kind = (uint8_t) users[i].kind;
                message.user.uses = users[i].kind == USER_PROCESS ? USE_OPEN : 0;
                message.user.pid = users[i].kind == USER_PROCESS ? 100 + (int) i : 0;
                message.user.uid = message.user.owner = UINT32_MAX;
                message.user.runtime = (uint8_t) (users[i].container[0] ? RUNTIME_PODMAN : RUNTIME_NONE);
                strcpy(message.user.name, users[i].name);
                strcpy(message.user.unit, users[i].unit);
                strcpy(message.user.container, users[i].container);
                strcpy(message.user.spared_because, users[i].spared_because);
                fake_worker_say(&s->worker, &message, -EBADF);
        }
        worker_message_init(&message, WORKER_USERS_END);
        message.users_end.request_id = request->request_id;
        message.users_end.n_users = ELEMENTSOF(users);
        if (fixture.n_busy > 0) {
                fixture.n_busy--;
                message.users_end.error = EBUSY;
        }
        fake_worker_say(&s->worker, &message, -EBADF);
}

void tell_result(Setup *s, uint64_t job_id, Outcome outcome, const char *detail) {
        WorkerMessage message;

        worker_message_init(&message, WORKER_JOB_RESULT);
        message.result.job_id = job_id;
        message.result.device_number = DEVICE_NUMBER;
        message.result.outcome = (uint8_t) outcome;
        strcpy(message.result.detail, detail ?: "");
        fake_worker_say(&s->worker, &message, -EBADF);
}

static void take_fail(Setup *s, const WorkerFailRequest *request, int fd) {
        WorkerMessage message;

        fixture.n_fails++;
        fixture.last_fail = *request;
        workload_plan_clear(&fixture.announced);
        assert_int_equal(workload_list_read(fd, &fixture.announced), 0);
        if (fixture.is_fail_silent)
                return;
        worker_message_init(&message, WORKER_JOB_STARTED);
        message.result.job_id = request->job_id;
        fake_worker_say(&s->worker, &message, -EBADF);
        for (size_t i = 0; i < fixture.announced.n_workloads; i++) {
                const Workload *workload = &fixture.announced.workloads[i].workload;

                worker_message_init(&message, WORKER_WORKLOAD);
                message.workload.job_id = request->job_id;
                message.workload.fate = (uint8_t) fixture.fate;
                message.workload.n_processes = 2;
                message.workload.owner = UINT32_MAX;
                message.workload.runtime = (uint8_t) (workload->container[0] ? RUNTIME_PODMAN : RUNTIME_NONE);
                strcpy(message.workload.unit, workload->unit);
                strcpy(message.workload.container, workload->container);
                strcpy(message.workload.name, "program");
                fake_worker_say(&s->worker, &message, -EBADF);
        }
        tell_result(s, request->job_id, fixture.outcome, fixture.detail);
}

static bool take_permit(Setup *s, const WorkerMessage *message) {
        fixture.n_permits++;
        if (!fixture.is_permit_silent && !fixture.is_refused_by_permit)
                return false; /* as any unit */
        if (fixture.is_refused_by_permit)
                tell_result(s, message->unit.job_id, OUTCOME_FAILED, "the unit failed");
        return true;
}

static void take_hooks(Setup *s, const WorkerHooksRequest *request, int fd) {
        _cleanup_(free_at) char *buffer = NULL;
        UnitPayload payload;

        fixture.n_hooks++;
        fixture.last_hooks = *request;
        assert_int_equal(unit_payload_read(fd, &buffer, &payload), 0);
        assert_true(payload.size_bytes[UNIT_FILE_MESSAGE] < sizeof(fixture.hooks_message));
        memcpy(fixture.hooks_message, payload.data[UNIT_FILE_MESSAGE], payload.size_bytes[UNIT_FILE_MESSAGE]);
        if (!fixture.are_hooks_silent)
                tell_result(s, request->job_id, OUTCOME_NOT_NEEDED, NULL);
}

static bool on_message(Setup *s, const WorkerMessage *message, int fd) {
        switch (message->header.type) {
        case WORKER_LIST_USERS:
                fixture.n_lists++;
                tell_users(s, &message->users);
                return true;
        case WORKER_FAIL:
                take_fail(s, &message->fail, fd);
                return true;
        case WORKER_HOOKS:
                take_hooks(s, &message->hooks, fd);
                return true;
        case WORKER_SHUTDOWN:
                fixture.n_shutdowns++;
                fixture.last_shutdown = message->shutdown;
                if (!fixture.is_fail_silent)
                        tell_result(s, message->shutdown.job_id, fixture.outcome, NULL);
                return true;
        case WORKER_CANCEL:
                fixture.n_cancels++;
                fixture.last_cancelled = message->cancel.job_id;
                return true;
        case WORKER_UNHOLD:
                fixture.n_unholds++;
                fixture.last_unhold = message->hold;
                return true;
        case WORKER_START_UNIT:
                return take_permit(s, message);
        default:
                return false;
        }
}

static void on_announced(_unused_ void *userdata, const Job *job, const Filesystem *filesystem) {
        assert_non_null(filesystem);
        fixture.n_announced++;
        fixture.act_realtime_usec = job->act_realtime_usec;
}

static void on_job(_unused_ void *userdata, Job *job, _unused_ const Filesystem *filesystem) {
        if (job->state != JOB_ENDED)
                return;
        fixture.n_ended++;
        job_unref(fixture.job);
        fixture.job = job_ref(job);
}

static void on_holds(_unused_ void *userdata) {
        fixture.n_holds_told++;
}

static void before_start(Setup *s) {
        const EngineObserver observer = {
                .on_announced = on_announced,
                .on_job = on_job,
                .on_holds = on_holds,
        };

        fixture = (FailFixture) { .s = s, .fate = FATE_STOPPED, .outcome = OUTCOME_DONE };
        s->on_message = on_message;
        assert_int_equal(engine_add_observer(s->engine, &observer), 0);
}

int fail_fixture_setup(void **state) {
        return engine_fixture_setup_with(state, before_start);
}

int fail_fixture_teardown(void **state) {
        fixture.job = job_unref(fixture.job);
        workload_plan_clear(&fixture.announced);
        return engine_fixture_teardown(state);
}

CallerOrder fail_order(WorkloadScope *scope) {
        *scope = workload_scope_default(HOW_STOP);
        return (CallerOrder) {
                .filesystem = the_filesystem(fixture.s),
                .action = ACTION_FAIL_WORKLOAD,
                .workloads = scope,
                .timeout_usec = USEC_INFINITY,
        };
}

Job *order(const CallerOrder *order) {
        _cleanup_(free_at) char *denied = NULL;
        Job *job;

        assert_int_equal(engine_order(fixture.s->engine, order, &job, &denied), 1);
        return job;
}

FailRun *the_run(void) {
        FailRun *run = TAILQ_FIRST(&fixture.s->engine->fail_runs);

        assert_non_null(run);
        return run;
}

bool has_ended(_unused_ Setup *s) {
        return fixture.n_ended > 0;
}

bool is_announced(_unused_ Setup *s) {
        return fixture.n_announced > 0;
}

bool is_ordered(_unused_ Setup *s) {
        return fixture.n_fails + fixture.n_shutdowns > 0;
}

void run_out(FailRun *run) {
        assert_true(sd_event_source_set_time(run->timer, clock_monotonic_usec()) >= 0);
}
