/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * FAIL_LISTING: who uses it, and who of them is taken?
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/basic/clock.h"
#include "src/basic/text.h"
#include "src/engine/engine-fail.h"

struct FailListing {
        FailRun *run;                   /* NULL: nobody waits for it any more */
};

void engine_fail_forget_listing(FailRun *run) {
        if (run->listing)
                run->listing->run = NULL;
        run->listing = NULL;
}

int engine_plan_add_user(WorkloadPlan *plan, const WorkerUser *user) {
        Workload workload;

        engine_workload_of_user(user, &workload);
        return workload_plan_add(plan, &(PlanUser) {
                .kind = (UserKind) user->kind,
                .name = user->name,
                .uses = user->uses,
                .workload = &workload,
                .spared_because = user->spared_because,
                .is_session = user->is_session,
        });
}

int engine_plan_decide(WorkloadPlan *plan, const WorkloadScope *scope, const Filesystem *filesystem,
                       WorkloadReports *reports) {
        int r;

        r = workload_plan_decide(plan, &(PlanGround) {
                .scope = scope,
                .mounts = (const char *const *) filesystem->facts.mounts,
                .n_mounts = filesystem->facts.n_mounts,
                .is_root = filesystem->facts.is_root != TRISTATE_NO,
                .is_state = filesystem->facts.is_state != TRISTATE_NO,
        });
        return r < 0 ? r : workload_reports_take_plan(reports, plan);
}

static void add_user(FailRun *run, const WorkerUser *user) {
        int r = engine_plan_add_user(&run->plan, user);

        if (r < 0)
                run->error = r;
}

/* Others look at the users of some file system: in a moment, for a while. */
static void ask_again(FailRun *run) {
        workload_plan_clear(&run->plan);
        run->error = 0;
        if (clock_monotonic_usec() >= run->give_up_monotonic_usec)
                engine_fail_end(run, OUTCOME_BUSY, EBUSY, "others look at users all the time");
        else
                engine_fail_set_timer(run, FAIL_ASK_AGAIN_USEC);
}

static void on_listed(FailRun *run, const WorkerUsersEnd *end) {
        Job *job = engine_fail_job(run);
        const Filesystem *filesystem = job ? filesystem_table_find_id(run->engine->filesystems, job->filesystem_id)
                                           : NULL;
        char why[JOB_DETAIL_SIZE] = "";
        int error = end->error;

        if (!filesystem)
                return; /* it goes with its job */
        if (error == EBUSY) {
                ask_again(run);
                return;
        }

        /* Who was found and not told would be missing in the plan. */
        run->plan.n_omitted += end->n_untold;
        if (error == 0 && run->error < 0)
                error = -run->error;
        if (error == 0)
                error = -engine_plan_decide(&run->plan, job->request.workloads, filesystem, &job->workloads);
        if (error == 0) {
                engine_fail_planned(run);
                return;
        }
        (void) text_append_format(why, sizeof(why), "who uses it could not be found out: %s", strerror(error));
        engine_fail_end(run, OUTCOME_FAILED, error, why);
}

static void on_user(void *userdata, const WorkerUser *user, const WorkerUsersEnd *end) {
        FailListing *listing = userdata;
        FailRun *run = listing->run;

        if (user) {
                if (run)
                        add_user(run, user);
                return;
        }
        free(listing);
        if (!run)
                return;
        run->listing = NULL;
        /* Without a worker the queue says what becomes of the job. */
        if (end->error != ENOTCONN && end->error != ESHUTDOWN)
                on_listed(run, end);
}

void engine_fail_list(FailRun *run) {
        Job *job = engine_fail_job(run);
        const Filesystem *filesystem = job ? filesystem_table_find_id(run->engine->filesystems, job->filesystem_id)
                                           : NULL;
        bool is_about_file;
        FailListing *listing;
        int r;

        if (!filesystem)
                return;
        listing = malloc(sizeof(*listing));
        if (!listing) {
                engine_fail_end(run, OUTCOME_NO_MEMORY, ENOMEM, "nothing was done");
                return;
        }
        *listing = (FailListing) { .run = run };
        run->listing = listing;
        is_about_file = job->request.workloads->who == WHO_FILE_USERS;
        r = engine_list_users(run->engine, filesystem, is_about_file ? job->event.inode : 0, on_user, listing);
        if (r >= 0)
                return;

        /* The line may have broken in there, and the run with it. */
        run = listing->run;
        free(listing);
        if (!run)
                return;
        run->listing = NULL;
        if (r == -ENOBUFS || r == -ENOTCONN)
                ask_again(run);
        else
                engine_fail_end(run, OUTCOME_FAILED, -r, "who uses it could not be asked");
}
