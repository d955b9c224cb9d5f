/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Walks one event through the steps (facts, decision, jobs, results) and tells its observers. The only place
 * that knows the order. record/ and bus/ subscribe; nothing here knows them.
 */
#pragma once

#include <systemd/sd-event.h>

#include "policy/policy-choose.h"
#include "policy/policy-load.h"
#include "src/action/job-queue.h"
#include "src/filesystem/filesystem.h"
#include "src/protocol/unit-payload.h"
#include "src/model/decision.h"
#include "src/model/suspension.h"
#include "src/source/record-ring.h"

typedef struct Engine Engine;

/* What a rule wants told over a route. */
typedef struct RoutedNotice {
        const char *route;
        Severity severity;
        const char *rule_id;
        const HealthEvent *event;
        const Filesystem *filesystem;   /* NULL: gone */
        const char *path;               /* of the file, absolute; NULL: none, or not known */
        uint64_t n_more;                /* events that came with it and were too many to be kept */
} RoutedNotice;

/* A person says that what has happened was seen to, or needs nothing. */
typedef struct Acknowledgement {
        ConditionCode code;
        const char *target;             /* "": the file system itself */
        bool is_all;                    /* all that have this code, whatever their target */
        const char *reason;             /* one line, for the journal */
        uint32_t caller_uid;
} Acknowledgement;

/* What became of a pause or a silence. */
typedef enum SuspensionChange {
        SUSPENSION_SET,                 /* somebody wants it */
        SUSPENSION_ENDED,               /* somebody ended it */
        SUSPENSION_EXPIRED,             /* its time is over */
        SUSPENSION_BACK,                /* an earlier healerd was told of it */
} SuspensionChange;

/* Everything an observer is told is borrowed for the call. Any member may be NULL. Observers are told in the order
 * in which they subscribed and must not free the engine. */
typedef struct EngineObserver {
        void (*on_filesystem)(void *userdata, Filesystem *filesystem);          /* appeared or changed */
        void (*on_filesystem_gone)(void *userdata, Filesystem *filesystem);     /* before it is released */
        /* @facts: what is decided by */
        void (*on_event)(void *userdata, const HealthEvent *event, const Filesystem *filesystem, const char *path,
                         const EventFacts *facts);
        void (*on_decision)(void *userdata, const Decision *decision, const HealthEvent *event,
                            const Filesystem *filesystem);
        /* log and notify actions: the rule's message for people, or NULL where the event speaks for itself */
        void (*on_notice)(void *userdata, Severity severity, const char *message, const Decision *decision,
                          const HealthEvent *event, const Filesystem *filesystem);
        /* A step that is not carried out, and why */
        void (*on_refused)(void *userdata, ActionKind action, const char *why, const Decision *decision,
                           const HealthEvent *event, const Filesystem *filesystem);
        void (*on_job)(void *userdata, Job *job, const Filesystem *filesystem); /* changed state; filesystem NULL:
                                                                                 * gone */
        void (*on_progress)(void *userdata, const Job *job);    /* how far a job is */
        /* Job.workloads are going to be failed or frozen at Job.act_realtime_usec; what became of it on_job() tells */
        void (*on_announced)(void *userdata, const Job *job, const Filesystem *filesystem);
        void (*on_holds)(void *userdata);       /* some unit is kept from being started, or is no more */
        /* A notify action with a route, beside on_notice() */
        void (*on_routed)(void *userdata, const RoutedNotice *notice);
        /* The end of a unit that no job is about: true if engine_start_unit() was called for it, by this observer or an
         * earlier healerd's; then it calls engine_unit_taken() */
        bool (*on_unit_ended)(void *userdata, const WorkerJobResult *result);
        void (*on_condition)(void *userdata, const HealthCondition *condition, bool is_raised,
                             const Filesystem *filesystem);
        /* It is going to be cleared because somebody says so; on_condition() comes next */
        void (*on_acknowledged)(void *userdata, const HealthCondition *condition,
                                const Acknowledgement *acknowledgement, const Filesystem *filesystem);
        /* @uid: who did it, with SUSPENSION_SET and SUSPENSION_ENDED */
        void (*on_suspension)(void *userdata, const Suspension *suspension, SuspensionChange change, uint32_t uid);
        /* A silence is over that kept @route from being told of @filesystem (filesystem_key()) */
        void (*on_unsilenced)(void *userdata, const char *route, const char *filesystem);
        /* Conditions of an earlier run or mount are in its list again */
        void (*on_conditions_back)(void *userdata, const Filesystem *filesystem, size_t n, size_t n_stale);
        void (*on_policy)(void *userdata, const Policy *policy, bool is_loaded, const char *problems);
        void (*on_worker)(void *userdata, bool is_connected);
        void (*on_zone)(void *userdata, const char *name);      /* the machine's time zone, when told or changed */
        void (*on_complete)(void *userdata);    /* the worker has told everything that was mounted when it started */
        void *userdata;
} EngineObserver;

/* Totals of the whole daemon since its start. */
typedef struct EngineTotals {
        uint64_t n_events, n_reports, n_lost;
        uint64_t n_healed, n_refused, n_failed;
        uint64_t n_handed_over;         /* conditions raised that only a person can end, offline */
        HealTimes heal_times;
        uint64_t n_dropped;             /* events of ours that a full queue could not keep */
        uint64_t n_conditions_forgotten;        /* of file systems that are not mounted */
        uint64_t last_event_realtime_usec;
        uint64_t last_lag_usec;         /* from the kernel's time stamp to the decision */
} EngineTotals;

#define ENGINE_OBSERVERS_MAX 8
/* Conditions of file systems that are not mounted; beyond it those that began first are forgotten, counted and said. */
#define ENGINE_CONDITIONS_WAITING_MAX 4096
/* Events waiting for their facts, in all; beyond it they are counted (n_dropped) and said, not kept. */
#define ENGINE_CASES_MAX 16384
/* Decisions that wait for one of their steps. */
#define ENGINE_SEQUENCES_MAX 2048

/* Who keeps monitors open while no healerd runs. Numbers are those of the ring's accounts. */
typedef struct MonitorKeeper {
        void (*keep)(void *userdata, dev_t device_number, uint64_t number, int fd);     /* fd borrowed */
        void (*forget)(void *userdata, dev_t device_number, uint64_t number);
        void (*keep_watch)(void *userdata, dev_t device_number, int fd);        /* an error watch; fd borrowed */
        void (*forget_watch)(void *userdata, dev_t device_number);
        void *userdata;
} MonitorKeeper;

#define ENGINE_STATE_KEY_SIZE 256       /* with its NUL byte */
#define ENGINE_STATE_VALUE_MAX 4096

/* Who keeps what has to survive this process: a value for each key, "KIND/…". Neither of the two waits or fails for the
 * caller, and both copy. */
typedef struct StateKeeper {
        void (*put)(void *userdata, const char *key, const void *value, size_t size_bytes);
        void (*remove)(void *userdata, const char *key);        /* there need not be one */
        void *userdata;
} StateKeeper;

typedef struct EngineOptions {
        const char *worker_socket;      /* NULL: no worker (replay) or worker_fd; borrowed for ever */
        int worker_fd;                  /* taken; negative: none */
        PolicyLoadOptions policy;
        RecordRing *ring;               /* taken, also on failure; NULL: a new one that nobody keeps */
        MonitorKeeper keeper;           /* members may be NULL */
        StateKeeper state_keeper;       /* members may be NULL: nothing survives */
        const char *record_path;        /* NULL: nothing is recorded */
        const char *replay_path;        /* NULL: the kernel; else nothing is done, only decided */
        const char *boot_id;            /* which boot this is; NULL: as /proc says, which a sandbox may hide */
        void (*on_replayed)(void *userdata, int error);        /* the recorded stream ended */
        void *userdata;
} EngineOptions;

/* The policy is loaded here: if no file of it is good, the built-in default stands in and engine_policy_problems() says
 * why. */
int engine_new(sd_event *event, const EngineOptions *options, Engine **ret_engine);
/* Starts listening, after the observers were added. */
int engine_start(Engine *engine);
Engine *engine_free(Engine *engine);
DEFINE_CLEANUP(Engine, engine_free)

int engine_add_observer(Engine *engine, const EngineObserver *observer);

/**
 * engine_adopt_monitor() - go on with a monitor that an earlier healerd held
 * @fd:     taken, also on failure
 * @number: of its account in the ring
 *
 * After engine_start() and before the loop runs, so that the worker is told in its greeting that this one is held. What
 * was read and not decided is taken up first; all of it waits until the worker has told what the file system is called.
 * One that is not alive is read to its end, told, and forgotten at once.
 */
int engine_adopt_monitor(Engine *engine, int fd, dev_t device_number, uint64_t number, bool is_alive);

/**
 * engine_adopt_error_watch() - go on with an error watch that an earlier healerd held
 * @fd: taken, also on failure
 *
 * When and how as engine_adopt_monitor(). What happened while nobody read is in it; what was read and not decided is
 * not.
 */
int engine_adopt_error_watch(Engine *engine, int fd, dev_t device_number, bool is_alive);

/**
 * engine_adopt_state() - a value that was kept, by this engine's keeper, for an earlier one
 *
 * At any time: what it is about need not be there yet. It is taken into account by engine_state_loaded(). A value that
 * makes no sense is removed from the keeper; one of a kind or a version that is not ours stays there.
 *
 * Returns: 0; -ENOENT for a kind that is not ours; -EPROTONOSUPPORT; -EBADMSG; or another negative errno.
 */
int engine_adopt_state(Engine *engine, const char *key, const void *value, size_t size_bytes);
/* All that there is was adopted, or nobody knows of any; again if more came later. From the first time on the keeper is
 * told of changes, and of what was changed before. */
void engine_state_loaded(Engine *engine);

FilesystemTable *engine_filesystems(Engine *engine);
JobQueue *engine_jobs(Engine *engine);
const Policy *engine_policy(Engine *engine);
const EngineTotals *engine_totals(Engine *engine);
/* "" if the loaded policy is the newest; else the problems of the one that was refused, one a line. */
const char *engine_policy_problems(Engine *engine);
bool engine_worker_is_connected(Engine *engine);
/* The kernel's release as the worker says it; "" before that. */
const char *engine_kernel_release(Engine *engine);
/* The time zone by which windows of time are looked at; "" while none is known, and it is UTC. */
const char *engine_zone_name(Engine *engine);
/* Mounted file systems that have a monitor and are not watched; on a kernel without monitors there are none. */
unsigned engine_n_unwatched(Engine *engine);

/* Loads the policy files again. 0; -EINVAL with engine_policy_problems(), the last good policy stays; or a negative
 * errno. */
int engine_reload_policy(Engine *engine);

/* Until when nothing is done by itself because so many file systems failed (`brake`), wall clock; 0: it is. */
uint64_t engine_braked_until_usec(Engine *engine);
/* A person says that this was seen to. Returns whether anything was held. */
bool engine_resume(Engine *engine);

/* Pauses and silences, of each kind. */
#define ENGINE_SUSPENSIONS_MAX 256

/**
 * engine_suspend() - nothing is done by itself, or nothing is told, for a while
 * @wanted: since_usec, n_matched and, of a silence, id are not looked at
 * @ret_id: of what it is now; borrowed for as long as it is there; may be NULL
 *
 * A pause takes the place of an earlier one of the same file system. While one lasts no action of rules, baseline,
 * schedules and patrol is begun that does more than tell; what persons order is done, and jobs that have begun go on.
 * Survives restarts. Ends by itself at until_usec.
 *
 * Returns: 0; -ENOBUFS if there are too many; -ENOMEM.
 */
int engine_suspend(Engine *engine, const Suspension *wanted, const char **ret_id);
/* Returns 0, or -ENXIO if there is none. What a pause held back is looked at again. */
int engine_unsuspend(Engine *engine, SuspensionKind kind, const char *id, uint32_t uid);
/* In the order in which they began; start with NULL. Borrowed until the loop goes on. */
const Suspension *engine_suspension_next(Engine *engine, SuspensionKind kind, const Suspension *previous);
/* The pause that it is under: the machine's, or else its own. NULL: none; @filesystem NULL: the machine's. */
const Suspension *engine_pause_of(Engine *engine, const Filesystem *filesystem);
/* The silence that keeps this from being told, NULL: none. */
const Suspension *engine_silence_find(Engine *engine, const SilenceSubject *subject);
/* It was: counted, and what is open of it when the silence ends is told the route then (on_unsilenced()). */
void engine_silence_note(Engine *engine, const Suspension *silence, const SilenceSubject *subject);

typedef struct CallerOrder {
        Filesystem *filesystem;
        /* ACTION_REPAIR, ACTION_SCRUB, ACTION_VERIFY_MEDIA, ACTION_FAIL_WORKLOAD, ACTION_FREEZE, ACTION_SHUTDOWN */
        ActionKind action;
        const WorkloadScope *workloads; /* ACTION_FAIL_WORKLOAD, ACTION_FREEZE; of the users of a file, its number is
                                         * @target.inode; borrowed */
        bool is_dry_run;                /* of these: nothing but the plan */
        RepairTarget target;            /* ACTION_REPAIR */
        ScrubRepair scrub_repair;
        VerifySpace verify_space;
        uint64_t rate_bytes;            /* ACTION_VERIFY_MEDIA: in a second; 0: no limit */
        uint64_t timeout_usec;          /* USEC_INFINITY: default */
        const char *override_harmful;
        uint32_t caller_uid;
        const char *reason;             /* why somebody wants it, for the journal; NULL: not said */
} CallerOrder;

/**
 * engine_order() - a person asks for a job
 * @ret_job:       borrowed
 * @reterr_denied: new text that says what forbids it, only with -EACCES; free()
 *
 * Returns: 1 new, 0 joined; -EACCES if `protect` forbids it; -EOPNOTSUPP if the kernel has no repair for this
 * structure; -ENOTTY if the file system has no health monitor, without which nothing is repaired or verified; or as
 * job_queue_add().
 */
int engine_order(Engine *engine, const CallerOrder *order, Job **ret_job, char **reterr_denied);

/**
 * engine_acknowledge() - clear conditions that nothing else would clear
 *
 * They go as any that is cleared: told, no more kept, and what was held until clear may be lifted. What happens again
 * raises them again.
 *
 * Returns: how many were cleared, 1 or more; -EACCES for a code that condition_still_so(); -ENOMSG if there is no such
 * condition.
 */
int engine_acknowledge(Engine *engine, Filesystem *filesystem, const Acknowledgement *acknowledgement);

/* Made-up events within a minute. */
#define ENGINE_TEST_EVENTS_MAX 10

/**
 * engine_inject_test_event() - walk an event that somebody made up through everything
 * @event: filesystem_id, kind, domain and what it is about; the rest is filled in
 *
 * It is decided on, recorded and told as if it had happened, marked as a test. Nothing but telling is done: whatever
 * else the policy wants is denied as "test event". It raises no condition, counts for no total, limit or rest, and what
 * a rule would wait for is not waited for.
 *
 * Returns: 0; -EINVAL for a kind that engine_may_inject() does not know; -ENOENT if the file system is not there;
 * -EBUSY for more than ENGINE_TEST_EVENTS_MAX; -ENOBUFS if nothing more can be taken in.
 */
int engine_inject_test_event(Engine *engine, const HealthEvent *event, uint64_t *ret_id);
/* What the kernel tells of damage and errors, not what begins, ends or heals something. */
bool engine_may_inject(EventKind kind);

/* Those who may wait for it at the same time. */
#define ENGINE_USERS_QUESTIONS_MAX 8

/* Called with each user and, at the end and for the last time, with @end and no user. Borrowed for the call. */
typedef void (*EngineUserFound)(void *userdata, const WorkerUser *user, const WorkerUsersEnd *end);

/**
 * engine_list_users() - who uses a file system, and who of them would be spared if it failed?
 * @inode: of it alone; 0: of anything on the file system
 * @found: called later, never from here; at last after a minute, or when the worker or the engine goes away
 *
 * Returns: 0; -ENOTCONN without a worker; -ENOBUFS if too many ask; or another negative errno.
 */
int engine_list_users(Engine *engine, const Filesystem *filesystem, uint64_t inode, EngineUserFound found,
                      void *userdata);

/* So many locks delay what is announced: it waits for all of them to be released, for 30 s at most. */
void engine_set_n_inhibitors(Engine *engine, size_t n);

/* Units that are kept from being started; start with NULL. Borrowed until the loop goes on. */
const WorkerHold *engine_hold_next(Engine *engine, const WorkerHold *previous);
#define ENGINE_HOLDS_MAX 1024
/* It may be started again. Returns 0; -ENOENT if it is not held; -ENOTCONN without a worker; or another negative
 * errno. */
int engine_unhold(Engine *engine, const char *unit);

typedef struct UnitOrder {
        uint64_t id;                    /* becomes the instance: a number that no job has */
        uint64_t event_id;              /* 0: none */
        const char *template;
        uint64_t timeout_usec;
        const char *last_words;         /* for the kernel log if it does not end well; NULL: none */
        UnitPayload payload;
} UnitOrder;

/**
 * engine_start_unit() - hand a unit over to the worker
 *
 * Returns: 0; -ENOTCONN without a worker; -EOPNOTSUPP if there never is one; or another negative errno.
 */
int engine_start_unit(Engine *engine, const UnitOrder *order);
/* Its result is recorded: the worker may forget it. */
void engine_unit_taken(Engine *engine, uint64_t id);
/* A number that no job has and never will. */
uint64_t engine_new_number(Engine *engine);

/* A file system of which a route has to tell: @why it cannot, or NULL: it can again. */
void engine_set_route_failing(Engine *engine, Filesystem *filesystem, const char *route, const char *why);
