/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who uses a file system, or a file of it, as a fact of the event that is decided next: looked up only where a rule
 * asks for it, with a deadline of its own, after which it is unknown.
 */
#include <errno.h>
#include <stdlib.h>

#include "src/basic/clock.h"
#include "src/basic/log.h"
#include "src/basic/text.h"
#include "src/engine/engine-internal.h"
#include "src/engine/engine-workloads.h"

/* A decision waits no longer. */
#define USERS_FACT_DEADLINE_USEC GATHER_DEADLINE_USEC
/* The worker looks at two file systems at a time. */
#define USERS_FACT_PAUSE_USEC (100 * USEC_PER_MSEC)
/* While events wait behind each other, an answer is good for as long as any fact is. */
#define USERS_FACT_FRESH_USEC USEC_PER_SEC
/* With more events than this waiting, nobody looks for the users of one file after the other. */
#define USERS_FACT_CASES_MAX 64

/* One look. It ends when the last word has come, which may be long after anybody waited for it. */
struct CaseUsers {
        Engine *engine;
        uint64_t filesystem_id;
        uint64_t inode;
        uint64_t deadline_usec;         /* monotonic */
        sd_event_source *timer;
        bool is_asked;                  /* the worker will answer */
        bool is_abandoned;              /* nobody waits for it any more */
        bool is_out_of_memory;
        WorkloadFacts facts;
};

static CaseUsers *look_free(CaseUsers *look) {
        if (!look)
                return NULL;
        sd_event_source_disable_unref(look->timer);
        workload_facts_clear(&look->facts);
        free(look);
        return NULL;
}
DEFINE_CLEANUP(CaseUsers, look_free)

/* Of the file, or of whatever is on the file system. */
static uint64_t inode_of(const HealthEvent *event) {
        return event->domain == DOMAIN_INODE || event->domain == DOMAIN_FILERANGE ? event->inode : 0;
}

void engine_case_users_forget(Watch *watch) {
        CaseUsers *look = watch->users_look;

        watch->users_look = NULL;
        if (!look)
                return;
        look->timer = sd_event_source_disable_unref(look->timer);
        look->is_abandoned = true;
        if (!look->is_asked)
                look_free(look);
}

void engine_case_users_clear(Watch *watch) {
        engine_case_users_forget(watch);
        workload_facts_clear(&watch->users.facts);
        watch->users = (UsersAnswer) {};
}

/* @facts: taken, with FACT_KNOWN. */
static void keep_answer(Watch *watch, uint64_t inode, FactState state, int error, WorkloadFacts *facts) {
        workload_facts_clear(&watch->users.facts);
        watch->users = (UsersAnswer) {
                .inode = inode,
                .state = state,
                .error = error,
                .came_usec = clock_monotonic_usec(),
        };
        if (state == FACT_KNOWN) {
                watch->users.facts = *facts;
                *facts = (WorkloadFacts) {};
        }
}

static void add_user(CaseUsers *look, const WorkerUser *user) {
        WorkloadFact fact = {
                .user_state = user->uid != UINT32_MAX ? FACT_KNOWN : FACT_UNKNOWN,
                .user = user->uid,
                .account_state = user->account[0] ? FACT_KNOWN : FACT_UNKNOWN,
        };

        if (user->kind != USER_PROCESS)
                return;
        /* It uses it, perhaps. */
        if (!(user->uses & ~(uint32_t) USE_UNKNOWN)) {
                look->facts.is_partial = true;
                return;
        }
        engine_workload_of_user(user, &fact.workload);
        (void) text_copy(fact.cgroup, sizeof(fact.cgroup), user->cgroup);
        (void) text_copy(fact.account, sizeof(fact.account), user->account);
        if (workload_facts_add(&look->facts, &fact) < 0)
                look->is_out_of_memory = true;
}

static void settle(CaseUsers *look, Watch *watch, const WorkerUsersEnd *end) {
        int error = end->error;

        look->facts.is_partial |= end->n_untold > 0 || end->n_unlooked > 0 || end->n_namespaces_unread > 0;
        if (error == 0 && (look->is_out_of_memory || workload_facts_settle(&look->facts) < 0))
                error = ENOMEM;
        if (error == 0)
                keep_answer(watch, look->inode, FACT_KNOWN, 0, &look->facts);
        else
                keep_answer(watch, look->inode, FACT_UNKNOWN, error, NULL);
}

/* What ends with the line or with us is asked for again, or not at all. */
static bool is_no_answer(const Engine *engine, int error) {
        return error == ESHUTDOWN || (error == ENOTCONN && !engine->is_worker_given_up);
}

static int set_timer(CaseUsers *look, uint64_t time_usec) {
        int r = sd_event_source_set_time(look->timer, time_usec);

        return r < 0 ? r : sd_event_source_set_enabled(look->timer, SD_EVENT_ONESHOT);
}

static void on_user(void *userdata, const WorkerUser *user, const WorkerUsersEnd *end) {
        CaseUsers *look = userdata;
        Watch *watch;

        if (user) {
                if (!look->is_abandoned)
                        add_user(look, user);
                return;
        }
        look->is_asked = false;
        if (look->is_abandoned) {
                look_free(look);
                return;
        }
        /* Others are looked for: a little later, until it is too late. */
        if (end->error == EBUSY &&
            set_timer(look, min_of(clock_monotonic_usec() + USERS_FACT_PAUSE_USEC, look->deadline_usec)) >= 0)
                return;

        watch = engine_watch_find(look->engine, look->filesystem_id);
        if (watch && watch->users_look == look) {
                watch->users_look = NULL;
                if (!is_no_answer(look->engine, end->error)) {
                        settle(look, watch, end);
                        engine_case_go_on(look->engine, watch);
                }
        }
        look_free(look);
}

/* Returns 0; -EBUSY if it is to be tried again; or another negative errno. */
static int ask(CaseUsers *look) {
        Filesystem *filesystem = filesystem_table_find_id(look->engine->filesystems, look->filesystem_id);
        int r = filesystem ? engine_list_users(look->engine, filesystem, look->inode, on_user, look) : -ENOENT;

        look->is_asked = r >= 0;
        return r == -ENOBUFS ? -EBUSY : r;
}

static int on_timer(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *userdata) {
        CaseUsers *look = userdata;
        Engine *engine = look->engine;
        uint64_t now = clock_monotonic_usec(), inode = look->inode;
        Watch *watch = engine_watch_find(engine, look->filesystem_id);
        int r = -ETIMEDOUT;

        if (!look->is_asked && now < look->deadline_usec) {
                r = ask(look);
                if (r >= 0 && set_timer(look, look->deadline_usec) >= 0)
                        return 0;
                if (r == -EBUSY &&
                    set_timer(look, min_of(now + USERS_FACT_PAUSE_USEC, look->deadline_usec)) >= 0)
                        return 0;
        }
        if (!watch)
                return 0;
        log_debug("event: who uses the file system is not known in time, deciding without");
        engine_case_users_forget(watch);
        keep_answer(watch, inode, FACT_UNKNOWN, r < 0 ? -r : ETIMEDOUT, NULL);
        engine_case_go_on(engine, watch);
        return 0;
}

static int begin(Engine *engine, Watch *watch, uint64_t inode) {
        _cleanup_(look_free_at) CaseUsers *look = calloc(1, sizeof(*look));
        int r;

        if (!look)
                return -ENOMEM;
        look->engine = engine;
        look->filesystem_id = watch->filesystem_id;
        look->inode = inode;
        look->deadline_usec = clock_monotonic_usec() + USERS_FACT_DEADLINE_USEC;
        r = sd_event_add_time(engine->event, &look->timer, CLOCK_MONOTONIC, look->deadline_usec,
                              50 * USEC_PER_MSEC, on_timer, look);
        if (r < 0)
                return r;
        r = ask(look);
        if (r == -EBUSY)
                r = set_timer(look, clock_monotonic_usec() + USERS_FACT_PAUSE_USEC);
        if (r < 0)
                return r;
        watch->users_look = steal_ptr(look);
        return 0;
}

/* What changes with the answer to the other questions is not known yet: the property; where an error was; and what lost
 * data turns out to be, which may be another event. */
static bool does_matter(Engine *engine, const Filesystem *filesystem, const HealthEvent *event) {
        bool is_asked_for = policy_needs_fact(engine->policy, event->kind, POLICY_FACT_WORKLOAD);
        FilesystemFacts known;
        EventFacts facts;

        if (event->kind == EVENT_DATA_LOST)
                return is_asked_for || policy_needs_fact(engine->policy, EVENT_SICK, POLICY_FACT_WORKLOAD);
        if (!is_asked_for || event->kind == EVENT_FILESYSTEM_ERROR)
                return is_asked_for;

        known = filesystem->facts; /* its texts are borrowed */
        known.autofsck_state = FACT_UNKNOWN;
        facts = engine_facts(engine, event, filesystem);
        facts.filesystem = &known;
        return policy_hangs_on_workloads(engine->policy, &facts);
}

bool engine_case_users_ask(Engine *engine, Watch *watch, const Filesystem *filesystem, Case *first) {
        uint64_t inode = inode_of(&first->event);
        bool is_known = watch->users.state == FACT_KNOWN && watch->users.inode == inode && watch->n_cases > 1 &&
                        clock_monotonic_usec() - watch->users.came_usec < USERS_FACT_FRESH_USEC;
        int r;

        first->wants_users = false; /* that was another question */
        if (watch->is_ending || !engine->link || (inode != 0 && watch->n_cases > USERS_FACT_CASES_MAX) ||
            !does_matter(engine, filesystem, &first->event))
                return false;
        first->wants_users = true;
        if (is_known)
                return false;
        if (!engine_worker_is_connected(engine) && !engine->is_worker_given_up)
                return true;

        r = begin(engine, watch, inode);
        if (r >= 0)
                return true;
        /* The line may break in the middle of the question. */
        if (!engine_worker_is_connected(engine) && !engine->is_worker_given_up)
                return true;
        keep_answer(watch, inode, FACT_UNKNOWN, -r, NULL);
        log_debug_errno(r, "who uses the file system cannot be asked for: %m");
        return false;
}

void engine_case_users_facts(Engine *engine, const Case *decided, EventFacts *facts) {
        const Watch *watch = decided->wants_users ? engine_watch_find(engine, decided->event.filesystem_id) : NULL;

        if (!watch || watch->users.inode != inode_of(&decided->event))
                return;
        facts->workloads_state = watch->users.state;
        facts->workloads_error = watch->users.error;
        facts->workloads = &watch->users.facts;
}
