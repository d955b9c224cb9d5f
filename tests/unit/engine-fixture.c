/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See engine-fixture.h.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "src/basic/file.h"
#include "tests/unit/engine-fixture.h"

void answer_gather(Setup *s, const WorkerGatherRequest *request) {
        WorkerMessage message;

        /* A question about no file system asks whether it lives. */
        if (request->request_id == 0)
                s->n_asked_for_life++;
        else {
                s->n_gathers++;
                s->last_gather = *request;
        }
        if (s->is_gather_silent && request->request_id != 0)
                return;
        worker_message_init(&message, WORKER_GATHERED);
        message.gathered.request_id = request->request_id;
        message.gathered.device_number = request->device_number;
        message.gathered.autofsck_state = FACT_KNOWN;
        message.gathered.autofsck = (uint8_t) s->autofsck;
        message.gathered.is_read_only = TRISTATE_NO;
        message.gathered.is_sick = (uint8_t) (request->checked.structure == STRUCTURE_NONE ? TRISTATE_UNKNOWN
                                                                                           : s->is_sick);
        if (request->wants_owner) {
                message.gathered.owner.state = FACT_KNOWN;
                message.gathered.owner.user.number = 117;
                message.gathered.owner.user.name_state = FACT_KNOWN;
                strcpy(message.gathered.owner.user.name, "postgres");
                message.gathered.owner.group.number = 7;
                message.gathered.owner.group.name_state = FACT_ABSENT;
        }
        if (request->wants_project) {
                message.gathered.owner.project_state = FACT_KNOWN;
                message.gathered.owner.project = 12;
        }
        message.gathered.path_state = request->wants_path ? FACT_KNOWN : FACT_UNKNOWN;
        if (request->wants_path)
                (void) snprintf(message.gathered.path, sizeof(message.gathered.path),
                                request->inode == 132 ? "/dir/other" : "/dir/file");
        fake_worker_say(&s->worker, &message, -EBADF);
}

static void answer_job(Setup *s, uint64_t job_id, Outcome outcome) {
        WorkerMessage message;

        worker_message_init(&message, WORKER_JOB_RESULT);
        message.result.job_id = job_id;
        message.result.device_number = DEVICE_NUMBER;
        message.result.outcome = (uint8_t) outcome;
        message.result.was_verified = outcome == OUTCOME_DONE;
        if (s->detail)
                strcpy(message.result.detail, s->detail);
        if (s->file)
                strcpy(message.result.path, s->file);
        message.result.boot_check = (uint8_t) s->boot_check;
        fake_worker_say(&s->worker, &message, -EBADF);
}

/* As the worker does it: an order that came with the question is looked at first. */
static void answer_repair(Setup *s, const WorkerRepairRequest *request) {
        WorkerMessage message;

        if (request->expects_autofsck && (Autofsck) request->autofsck != s->autofsck) {
                worker_message_init(&message, WORKER_JOB_RESULT);
                message.result.job_id = request->job_id;
                message.result.device_number = DEVICE_NUMBER;
                message.result.outcome = OUTCOME_REFUSED;
                message.result.have_facts_changed = true;
                fake_worker_say(&s->worker, &message, -EBADF);
                return;
        }
        worker_message_init(&message, WORKER_JOB_STARTED);
        message.result.job_id = request->job_id;
        message.result.device_number = DEVICE_NUMBER;
        fake_worker_say(&s->worker, &message, -EBADF);
        answer_job(s, request->job_id, s->judge ? s->judge(s, request) : s->outcome);
}

static void take_unit(Setup *s, const WorkerUnitRequest *request, int fd) {
        _cleanup_(free_at) char *buffer = NULL;
        UnitPayload payload;

        assert_int_equal(unit_payload_read(fd, &buffer, &payload), 0);
        assert_true(payload.size_bytes[UNIT_FILE_MESSAGE] < sizeof(s->unit_message));
        assert_true(payload.size_bytes[UNIT_FILE_PATHS] < sizeof(s->unit_paths));
        memcpy(s->unit_message, payload.data[UNIT_FILE_MESSAGE], payload.size_bytes[UNIT_FILE_MESSAGE]);
        s->unit_message[payload.size_bytes[UNIT_FILE_MESSAGE]] = '\0';
        memcpy(s->unit_paths, payload.data[UNIT_FILE_PATHS], payload.size_bytes[UNIT_FILE_PATHS]);
        s->unit_paths_size = payload.size_bytes[UNIT_FILE_PATHS];
        s->last_unit = *request;
        s->n_units++;
}

static void on_worker_message(void *userdata, const WorkerMessage *message, int fd) {
        Setup *s = userdata;

        if (s->on_message && s->on_message(s, message, fd))
                return;
        if (message->header.type == WORKER_GATHER)
                answer_gather(s, &message->gather);
        else if (message->header.type == WORKER_REPAIR) {
                assert_true(s->n_repairs < REPAIRS_MAX);
                s->tried[s->n_repairs++] = message->repair.target.structure;
                s->last_repair = message->repair;
                answer_repair(s, &message->repair);
        } else if (message->header.type == WORKER_SCRUB) {
                s->n_scrubs++;
                if (s->on_scan)
                        s->on_scan(s);
                answer_job(s, message->scrub.job_id, s->scrub_outcome);
        } else if (message->header.type == WORKER_START_UNIT) {
                take_unit(s, &message->unit, fd);
                answer_job(s, message->unit.job_id, s->outcome);
        } else if (message->header.type == WORKER_LIST_USERS) {
                if (s->on_list_users)
                        s->on_list_users(s, &message->users);
        } else if (message->header.type == WORKER_JOB_TAKEN)
                s->n_taken++;
}

static void on_event(void *userdata, const HealthEvent *event, const Filesystem *filesystem, const char *path,
                     _unused_ const EventFacts *facts) {
        Setup *s = userdata;

        assert_non_null(filesystem);
        assert_true(event->id != 0);
        if (event->kind == EVENT_SICK) {
                char byte;

                s->was_handed_over = recv(s->worker.fd, &byte, sizeof(byte), MSG_PEEK|MSG_DONTWAIT) > 0;
        }
        if (path)
                (void) snprintf(s->last_path, sizeof(s->last_path), "%s", path);
        s->kinds[s->n_events] = event->kind;
        s->causes[s->n_events++] = event->cause_id;
        assert_true(s->n_events < ELEMENTSOF(s->kinds));
}

static void on_decision(void *userdata, const Decision *decision, const HealthEvent *event,
                        const Filesystem *filesystem) {
        Setup *s = userdata;

        (void) filesystem;
        assert_int_equal(decision->event_id, event->id);
        s->n_decisions++;
        (void) snprintf(s->suppressed_by, sizeof(s->suppressed_by), "%s", decision->suppressed_by);
}

static void on_notice(void *userdata, Severity severity, const char *message, const Decision *decision,
                      const HealthEvent *event, const Filesystem *filesystem) {
        (void) severity;
        (void) message;
        (void) decision;
        (void) event;
        (void) filesystem;
        ((Setup *) userdata)->n_notices++;
}

static void on_refused(void *userdata, ActionKind action, const char *why, const Decision *decision,
                       const HealthEvent *event, const Filesystem *filesystem) {
        Setup *s = userdata;

        (void) action;
        (void) decision;
        (void) event;
        (void) filesystem;
        s->n_refused++;
        (void) snprintf(s->refused_why, sizeof(s->refused_why), "%s", why);
}

static void on_complete(void *userdata) {
        ((Setup *) userdata)->is_complete = true;
}

void run_until(Setup *s, bool (*is_reached)(Setup *s)) {
        while (!is_reached(s))
                assert_true(sd_event_run(s->event, 30 * USEC_PER_SEC) > 0);
}

static bool is_complete(Setup *s) {
        return s->is_complete;
}

static bool is_connected(Setup *s) {
        return engine_worker_is_connected(s->engine);
}

bool is_taken(Setup *s) {
        return s->n_taken > 0;
}

void run_quiet(Setup *s) {
        while (sd_event_run(s->event, 0) > 0)
                ;
}

void tell_filesystem(Setup *s, MonitorState monitor_state) {
        WorkerMessage message;

        worker_message_init(&message, WORKER_FILESYSTEM);
        message.filesystem.device_number = DEVICE_NUMBER;
        message.filesystem.monitor_state = monitor_state;
        message.filesystem.uuid_state = FACT_KNOWN;
        message.filesystem.label_state = FACT_ABSENT;
        message.filesystem.autofsck_state = FACT_KNOWN;
        message.filesystem.autofsck = AUTOFSCK_UNSET;
        message.filesystem.has_parent_pointers = 1;
        strcpy(message.filesystem.type, "xfs");
        strcpy(message.filesystem.device, "/dev/loop1");
        fake_worker_say(&s->worker, &message, -EBADF);

        worker_message_init(&message, WORKER_MOUNT_ADDED);
        message.mount.device_number = DEVICE_NUMBER;
        message.mount.mount_id = 1;
        message.mount.is_whole = 1;
        strcpy(message.mount.mount_point, "/srv");
        fake_worker_say(&s->worker, &message, -EBADF);

        worker_message_init(&message, WORKER_MOUNTS_LISTED);
        fake_worker_say(&s->worker, &message, -EBADF);
}

void write_policy(Setup *s, const char *text) {
        char path[128];

        (void) snprintf(path, sizeof(path), "%s/etc/xfs_healer/policy.yaml", s->root);
        assert_int_equal(file_write_atomic(path, text, strlen(text), 0644), 0);
}

static void make_root(Setup *s) {
        char path[128];

        strcpy(s->root, "/tmp/healer-engine-XXXXXX");
        assert_non_null(mkdtemp(s->root));
        (void) snprintf(path, sizeof(path), "%s/etc", s->root);
        assert_int_equal(mkdir(path, 0755), 0);
        (void) snprintf(path, sizeof(path), "%s/etc/xfs_healer", s->root);
        assert_int_equal(mkdir(path, 0755), 0);
}

int engine_fixture_setup_with(void **state, void (*before_start)(Setup *s)) {
        static Setup s;
        EngineOptions options = { .policy.root_directory = s.root };
        const EngineObserver observer = {
                .on_event = on_event,
                .on_decision = on_decision,
                .on_notice = on_notice,
                .on_refused = on_refused,
                .on_complete = on_complete,
                .userdata = &s,
        };

        s = (Setup) {
                .autofsck = AUTOFSCK_REPAIR,
                .outcome = OUTCOME_DONE,
                .scrub_outcome = OUTCOME_DONE,
                .is_sick = TRISTATE_YES,
        };
        make_root(&s);
        assert_int_equal(sd_event_new(&s.event), 0);
        fake_worker_init(&s.worker, s.event, &options.worker_fd);
        s.worker.on_message = on_worker_message;
        s.worker.userdata = &s;
        assert_int_equal(engine_new(s.event, &options, &s.engine), 0);
        assert_int_equal(engine_add_observer(s.engine, &observer), 0);
        if (before_start)
                before_start(&s);
        assert_int_equal(engine_start(s.engine), 0);
        run_until(&s, is_connected);
        tell_filesystem(&s, MONITOR_UNSUPPORTED);
        run_until(&s, is_complete);
        *state = &s;
        return 0;
}

int engine_fixture_setup(void **state) {
        return engine_fixture_setup_with(state, NULL);
}

int engine_fixture_teardown(void **state) {
        Setup *s = *state;
        char command[128];

        engine_free(s->engine);
        fake_worker_done(&s->worker);
        sd_event_unref(s->event);
        (void) snprintf(command, sizeof(command), "rm -rf %s", s->root);
        return system(command);
}

Filesystem *the_filesystem(Setup *s) {
        Filesystem *filesystem = filesystem_table_find_device(engine_filesystems(s->engine), DEVICE_NUMBER);

        assert_non_null(filesystem);
        return filesystem;
}

void take_sick(Setup *s, Structure structure, uint64_t inode) {
        const HealthEvent event = {
                .filesystem_id = the_filesystem(s)->id,
                .kind = EVENT_SICK,
                .domain = structure_domain(structure),
                .structure = structure,
                .inode = inode,
                .generation = 5,
                .count = 1,
        };

        engine_take_event(s->engine, &event);
}
