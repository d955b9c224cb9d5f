/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The child's side, step by step. Each is told before it begins, so that it is known where we were if we die in it. A
 * unit that is to be stopped is told before that, too: whoever hears of it may believe too easily that it stands still,
 * but never misses one.
 *
 * What was stopped is started again by nobody here: on a file system that is still shut down it would only fail again,
 * and on one that is damaged it would do worse.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "kernel/filesystem-probe.h"
#include "src/basic/clock.h"
#include "src/basic/macro.h"
#include "src/basic/text.h"
#include "src/protocol/workload-list.h"
#include "src/worker/process.h"
#include "src/worker/recycle-units.h"
#include "src/worker/recycle.h"
#include "src/worker/users-find.h"

/* The last mount is gone before umount returns; what else has held the superblock lets go of it in a moment. */
#define GONE_USEC (10 * USEC_PER_SEC)
#define GONE_AGAIN_USEC (20 * USEC_PER_MSEC)

typedef struct Recycle {
        Job *job;
        int report_fd;
        WorkloadPlan given;             /* who may be stopped */
        UnitNames units, mounts;
        RecyclePlaces places;
        UnitOrders orders;
        char problem[RECYCLE_PROBLEM_SIZE];
} Recycle;

/* A look at who uses it. */
typedef struct Look {
        const Recycle *recycle;
        bool may_be_given;              /* those who are going to be stopped are no hindrance */
        unsigned n_others;
        char first[RECYCLE_PROBLEM_SIZE];
} Look;

static void recycle_clear(Recycle *recycle) {
        workload_plan_clear(&recycle->given);
        unit_names_clear(&recycle->units);
        unit_names_clear(&recycle->mounts);
        recycle_places_clear(&recycle->places);
        unit_orders_close(&recycle->orders);
}

/* What is not known of a process says nothing about the unit that it belongs to. */
static bool is_given(const Recycle *recycle, const UserFacts *facts, const char *spared_because) {
        const Workload *workload = facts->workload;

        return workload && workload->unit[0] &&
               workload_plan_find(&recycle->given, workload->unit, workload->container) &&
               (!spared_because || facts->uses == USE_UNKNOWN);
}

static void on_process(const ProcessLook *process, const UserFacts *facts, void *userdata) {
        const char *why = user_spared_because(facts), *unit = facts->workload ? facts->workload->unit : "";
        Look *look = userdata;

        if (look->may_be_given && is_given(look->recycle, facts, why))
                return;
        if (look->n_others++ > 0)
                return;
        (void) text_append_format(look->first, sizeof(look->first), "process %d (", (int) process->pid);
        (void) text_append_escaped(look->first, sizeof(look->first), process->name, strlen(process->name));
        (void) text_append_format(look->first, sizeof(look->first), ")%s%s", unit[0] ? " of " : "", unit);
        if (why)
                (void) text_append_format(look->first, sizeof(look->first), ", which %s,", why);
}

static void on_kernel_user(UserKind kind, const char *name, _unused_ const char *detail, void *userdata) {
        Look *look = userdata;

        if (look->n_others++ > 0)
                return;
        (void) text_append_format(look->first, sizeof(look->first), "%s ", user_kind_to_name(kind));
        (void) text_append_escaped(look->first, sizeof(look->first), name, strlen(name));
}

/* Returns 0; -EBUSY if somebody uses it who must not, with @recycle->problem; or -EAGAIN if not all could be looked
 * at. */
static int look_for_users(Recycle *recycle, bool may_be_given) {
        Look look = { .recycle = recycle, .may_be_given = may_be_given };
        const UsersTask task = {
                .request = { .request_id = 1, .device_number = recycle->job->superblock->device_number },
                .own_pids = { getppid() },
        };
        UsersFind find = {
                .task = &task,
                .found = on_process,
                .found_kernel_user = on_kernel_user,
                .userdata = &look,
        };
        bool is_complete;

        is_complete = users_find(&find) >= 0 && find.end.n_unlooked == 0 && find.end.n_namespaces_unread == 0;
        users_find_clear(&find);
        if (look.n_others > 0) {
                (void) snprintf(recycle->problem, sizeof(recycle->problem), "%.240s uses it%s", look.first,
                                look.n_others > 1 ? ", and others do" : "");
                return -EBUSY;
        }
        if (!is_complete) {
                (void) text_copy(recycle->problem, sizeof(recycle->problem), "not everybody could be looked at");
                return -EAGAIN;
        }
        return 0;
}

static bool ends_with_units(const char *cgroup, void *userdata) {
        const Recycle *recycle = userdata;
        Workload workload;

        return workload_from_cgroup(cgroup, &workload) >= 0 && workload.unit[0] &&
               unit_names_have(&recycle->units, workload.unit);
}

/* The kernel opens nothing of an XFS that is shut down, not even its root, which is always in memory. */
static int check_shut_down(Recycle *recycle) {
        int fd, r;

        fd = filesystem_open_root(recycle->places.points[0], 0);
        if (fd == -EIO)
                return 0;
        r = fd < 0 ? fd : -EALREADY;
        close_fd(fd);
        (void) text_copy(recycle->problem, sizeof(recycle->problem),
                         r == -EALREADY ? "it is not shut down" : "it cannot be seen whether it is shut down");
        return r;
}

static int take_list(Recycle *recycle) {
        int r;

        r = workload_list_read(recycle->job->payload_fd, &recycle->given);
        recycle->job->payload_fd = close_fd(recycle->job->payload_fd);
        for (size_t i = 0; r >= 0 && i < recycle->given.n_workloads; i++) {
                const Workload *workload = &recycle->given.workloads[i].workload;

                if (workload->unit[0])
                        r = unit_names_add(&recycle->units, workload->unit);
                else {
                        (void) text_copy(recycle->problem, sizeof(recycle->problem),
                                         "a container that is no unit could not be started again");
                        return -EPERM;
                }
        }
        if (r < 0)
                (void) text_copy(recycle->problem, sizeof(recycle->problem), "the list of units makes no sense");
        return r < 0 ? r : 0;
}

/* What systemd said. */
static int heard(Recycle *recycle, int r) {
        if (r < 0)
                (void) text_copy(recycle->problem, sizeof(recycle->problem), recycle->orders.problem);
        return r;
}

/* Nothing is touched here. */
static int check_all(Recycle *recycle) {
        int r;

        r = take_list(recycle);
        if (r >= 0)
                r = recycle_places_read(recycle->job->superblock->device_number, ends_with_units, recycle,
                                        &recycle->places, recycle->problem);
        if (r >= 0)
                r = check_shut_down(recycle);
        if (r >= 0)
                r = heard(recycle, unit_orders_open(&recycle->orders));
        if (r >= 0)
                r = heard(recycle, recycle_mount_units(&recycle->orders, &recycle->places, &recycle->mounts));
        if (r >= 0)
                r = heard(recycle, recycle_units_close(&recycle->orders, &recycle->units, &recycle->mounts));
        if (r >= 0)
                r = look_for_users(recycle, true);
        return r;
}

static void tell_step(const Recycle *recycle, const char *step) {
        (void) job_report_started(recycle->report_fd, step);
}

static void tell_stopped(const Recycle *recycle, const char *unit) {
        WorkerMessage message = {};

        worker_message_init(&message, WORKER_WORKLOAD);
        message.workload.fate = FATE_STOPPED;
        message.workload.owner = WORKLOAD_USER_NONE;
        (void) text_copy(message.workload.unit, sizeof(message.workload.unit), unit);
        (void) child_report(recycle->report_fd, &message, message.header.size_bytes, -EBADF);
}

/* All of @names. The problem names those that are not what was ordered. */
static int order(Recycle *recycle, UnitOrdered what, const UnitNames *names) {
        _cleanup_(unit_names_clear) UnitNames failed = {};
        int r;

        r = unit_orders_run(&recycle->orders, what, names, recycle->job->deadline_usec, &failed);
        return heard(recycle, r);
}

static int stop_units(Recycle *recycle) {
        int r;

        for (size_t i = 0; i < recycle->units.n; i++)
                tell_stopped(recycle, recycle->units.names[i]);
        tell_step(recycle, "the units that use it are stopped");
        r = order(recycle, UNITS_STOP, &recycle->units);
        return r < 0 ? r : look_for_users(recycle, false);
}

/* "/sys/fs/xfs/dm-0": there as long as the superblock is. */
static int superblock_path(dev_t device_number, char buffer[static PATH_MAX]) {
        char link[64], target[PATH_MAX];
        const char *name;
        ssize_t length;

        (void) snprintf(link, sizeof(link), "/sys/dev/block/%u:%u", major(device_number), minor(device_number));
        length = readlink(link, target, sizeof(target) - 1);
        if (length < 0)
                return -errno;
        target[length] = 0;
        name = strrchr(target, '/');
        (void) snprintf(buffer, PATH_MAX, "/sys/fs/xfs/%.64s", name ? name + 1 : target);
        return 0;
}

static int wait_until_gone(Recycle *recycle) {
        dev_t device_number = recycle->job->superblock->device_number;
        uint64_t until_usec = clock_monotonic_usec() + GONE_USEC;
        char path[PATH_MAX];
        int r;

        /* A device that went away has no superblock that could be mounted again. */
        r = superblock_path(device_number, path);
        while (r >= 0 && access(path, F_OK) >= 0) {
                if (clock_monotonic_usec() >= until_usec) {
                        (void) text_copy(recycle->problem, sizeof(recycle->problem),
                                         recycle_places_any(device_number) > 0
                                                 ? "it is still mounted in another mount namespace"
                                                 : "it is mounted nowhere any more, and somebody keeps it");
                        return -EBUSY;
                }
                (void) usleep(GONE_AGAIN_USEC);
        }
        return 0;
}

static int unmount_all(Recycle *recycle) {
        char problem[RECYCLE_PROBLEM_SIZE];
        int r;

        tell_step(recycle, "it is unmounted");
        r = order(recycle, UNITS_STOP_ALONE, &recycle->mounts);
        if (r >= 0)
                return wait_until_gone(recycle);
        /* Who has come since? */
        (void) text_copy(problem, sizeof(problem), recycle->problem);
        if (look_for_users(recycle, false) != -EBUSY)
                (void) text_copy(recycle->problem, sizeof(recycle->problem), problem);
        return r;
}

/* The same one, on each of its places, and not shut down. */
static int check_mounted(Recycle *recycle) {
        const WorkerFilesystem *before = &recycle->job->superblock->facts;

        for (size_t i = 0; i < recycle->places.n_points; i++) {
                _cleanup_(filesystem_facts_clear) FilesystemFacts facts = { .type = strdup("xfs") };
                _cleanup_(close_fd_at) int fd = filesystem_open_root(recycle->places.points[i], 0);
                int r;

                r = !facts.type ? -ENOMEM : fd < 0 ? fd : filesystem_probe(fd, &facts);
                if (r >= 0 && (facts.uuid_state != FACT_KNOWN || before->uuid_state != FACT_KNOWN ||
                               memcmp(facts.uuid, before->uuid, UUID_SIZE) != 0))
                        r = -ESTALE;
                if (r < 0) {
                        (void) snprintf(recycle->problem, sizeof(recycle->problem), "what is mounted on %.160s now %s",
                                        recycle->places.points[i],
                                        r == -ESTALE ? "is another file system" : "cannot be opened");
                        return r;
                }
        }
        return 0;
}

static int mount_again(Recycle *recycle) {
        int r;

        tell_step(recycle, "it is mounted again");
        r = order(recycle, UNITS_START, &recycle->mounts);
        return r < 0 ? r : check_mounted(recycle);
}

static Outcome outcome_of_check(int error) {
        switch (error) {
        case -EALREADY:
                return OUTCOME_NOT_NEEDED;
        case -ENOMEM:
                return OUTCOME_NO_MEMORY;
        case -ENOENT:
                return OUTCOME_UNMOUNTED;
        default:
                return OUTCOME_REFUSED;
        }
}

static Outcome steps(Recycle *recycle, WorkerJobResult *result) {
        static const struct {
                int (*run)(Recycle *recycle);
                const char *failed;
        } rows[] = {
                { stop_units, "not everything that uses it could be stopped, and it is still mounted" },
                { unmount_all, "it could not be unmounted" },
                { mount_again, "it was unmounted, and could not be mounted again" },
        };
        int r;

        r = check_all(recycle);
        if (r < 0) {
                result->error = -r;
                (void) text_append_format(result->detail, sizeof(result->detail), "nothing was touched: %s",
                                          recycle->problem);
                return outcome_of_check(r);
        }

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                r = rows[i].run(recycle);
                if (r >= 0)
                        continue;
                result->error = -r;
                (void) text_append_format(result->detail, sizeof(result->detail), "%s: %s", rows[i].failed,
                                          recycle->problem);
                return r == -ETIMEDOUT ? OUTCOME_TIMED_OUT : OUTCOME_FAILED;
        }
        (void) text_append_format(result->detail, sizeof(result->detail), "it was unmounted and mounted again");
        return OUTCOME_DONE;
}

int recycle_in_child(int report_fd, void *userdata) {
        Recycle recycle = { .job = userdata, .report_fd = report_fd };
        WorkerJobResult result = {};

        result.outcome = (uint8_t) steps(&recycle, &result);
        recycle_clear(&recycle);
        return job_report_result(report_fd, &result) < 0;
}

static int start_again(Recycle *recycle) {
        int r;

        r = take_list(recycle);
        /* systemd believes uid 0. */
        if (r >= 0)
                r = process_drop_capabilities();
        if (r >= 0)
                r = heard(recycle, unit_orders_open(&recycle->orders));
        for (size_t i = 0; r >= 0 && i < recycle->units.n; i++) {
                const char *fault = recycle_unit_fault(recycle->units.names[i]);

                if (!fault)
                        continue;
                (void) snprintf(recycle->problem, sizeof(recycle->problem), "%.200s %s", recycle->units.names[i],
                                fault);
                r = -EPERM;
        }
        return r;
}

int recycle_start_again_in_child(int report_fd, void *userdata) {
        Recycle recycle = { .job = userdata, .report_fd = report_fd };
        _cleanup_(unit_names_clear) UnitNames failed = {};
        WorkerJobResult result = {};
        char names[JOB_DETAIL_SIZE / 2];
        int r;

        r = start_again(&recycle);
        if (r >= 0) {
                tell_step(&recycle, "the units are started again");
                r = heard(&recycle, unit_orders_run(&recycle.orders, UNITS_START, &recycle.units,
                                                    recycle.job->deadline_usec, &failed));
        }
        result.error = r < 0 ? -r : 0;
        result.outcome = (uint8_t) (r >= 0 ? OUTCOME_DONE : r == -ETIMEDOUT ? OUTCOME_TIMED_OUT : OUTCOME_FAILED);
        if (failed.n > 0)
                (void) text_append_format(result.detail, sizeof(result.detail), "not started: %s; ",
                                          unit_names_text(&failed, names, sizeof(names)));
        if (r < 0)
                (void) text_append_format(result.detail, sizeof(result.detail), "%s", recycle.problem);
        recycle_clear(&recycle);
        return job_report_result(report_fd, &result) < 0;
}
