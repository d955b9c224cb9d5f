/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of the engine share. A case is one event on its way from arrival to decision; a sequence is
 * a decision whose steps are being walked.
 */
#pragma once

#include <sys/queue.h>

#include "policy/deferred-table.h"
#include "policy/schedule-plan.h"
#include "src/engine/engine.h"
#include "src/facts/fact-gatherer.h"
#include "src/link/worker-link.h"
#include "src/source/error-source.h"
#include "src/source/event-merge.h"
#include "src/source/monitor-source.h"
#include "src/source/replay-source.h"
#include "src/source/work-turn.h"

typedef struct Case {
        STAILQ_ENTRY(Case) entries;
        HealthEvent event;
        FactState path_state;
        int path_error;
        char *path;                     /* with FACT_KNOWN */
        Tristate is_sick;               /* with @deferred, of what had to last: still */
        Deferred *deferred;             /* what waited, and is looked at again; owned; NULL: it is new */
        bool is_look;                   /* a condition that wanted one; was told when it was raised */
        char *schedule;                 /* by which it is due; owned; NULL: by none */
        bool is_named;                  /* a further name of a file whose first one was told: its path is known */
        FileOwner *owner;               /* NULL: nobody looked */
        bool wants_users;               /* who uses it was looked up: Watch.users */
} Case;

/* A look at who uses a file system, for an event (engine-case-users.c). */
typedef struct CaseUsers CaseUsers;

/* The last answer of one. */
typedef struct UsersAnswer {
        uint64_t inode;                 /* of it alone; 0: of anything */
        FactState state;
        int error;                      /* positive errno, with FACT_UNKNOWN */
        uint64_t came_usec;             /* monotonic */
        WorkloadFacts facts;            /* FACT_KNOWN; owned */
} UsersAnswer;

/* What the kernel is asked of one file system, beside what it tells by itself. */
typedef struct Survey {
        uint64_t due_usec[N_SURVEY_DEPTHS];   /* by depth; monotonic, not before; 0: not wanted */
        uint64_t wanted_job_id;         /* waits for the next one of SURVEY_INODES; 0: none */
        uint64_t request_id;            /* the one that is going on; 0: none */
        SurveyDepth running;
        bool is_giving_way;             /* what is going on was told to end for something more urgent */
        uint64_t job_id;                /* waits for the one that is going on; 0: none */
        uint64_t started_usec, deadline_usec;
        uint64_t started_boottime_usec; /* the clock of events */
        uint64_t ended_usec;            /* the last one of SURVEY_INODES; 0: there was none */
        uint64_t any_ended_usec;        /* the last one of any depth; 0: there was none */
        bool any_was_complete;          /* it went to its end, and missed nothing */
        uint64_t n_found, n_known;      /* so far */
        size_t n_open;                  /* its events that are not decided, and decisions whose steps are not walked */
} Survey;

/* The job that a verification of the media is done for. */
typedef struct Verify {
        uint64_t job_id;                /* 0: there is none */
        MediaCounts before;             /* as they were when the turn that is going on was asked for */
        uint64_t done_before;           /* bytes, by earlier jobs */
        uint64_t started_usec, kept_usec;       /* monotonic */
        unsigned n_failed;              /* turns in a row */
} Verify;

/* A structure that was found healthy: what rules said of it before, under names that only the keeper knows, is over. */
typedef struct HealedStructure {
        STAILQ_ENTRY(HealedStructure) entries;
        char target[];
} HealedStructure;

/* Of more of one file system the first are forgotten, and what a keeper that is late tells of them comes back. */
#define ENGINE_HEALED_MAX 1024

/* The engine's side of a Filesystem: same number, same life. */
typedef struct Watch {
        TAILQ_ENTRY(Watch) entries;
        uint64_t filesystem_id;
        MonitorSource *source;          /* NULL without an open monitor */
        ErrorSource *error_source;      /* NULL without an error watch */
        STAILQ_HEAD(, Case) cases;      /* in the order of arrival; the head may wait for its facts */
        size_t n_cases;
        uint64_t request_id;            /* outstanding question for the head; 0: none */
        uint64_t gathered_monotonic_usec;       /* of the last answer */
        CaseUsers *users_look;          /* outstanding, for the head; NULL: none */
        UsersAnswer users;
        Survey survey;
        bool may_look;                  /* its survey at the beginning has ended */
        bool has_looks;                 /* conditions may want one */
        uint64_t look_due_usec;         /* monotonic; 0: when something tells that it is of use */
        uint64_t look_pause_usec;       /* the last one before; 0: there was none */
        sd_event_source *start_timer;   /* runs while the first mount point is not told yet */
        bool awaits_facts;              /* adopted, and the worker has not told yet what it is */
        bool was_adopted;               /* an earlier healerd has watched this very mount */
        bool is_kept;                   /* its conditions are, under this UUID */
        bool is_clone;                  /* another one with its UUID was there first: they are not */
        uint8_t kept_as[UUID_SIZE];
        PatrolState patrol_before;      /* as it was when the turn that is going on was asked for */
        bool is_patrol_refused;         /* there is none to be had here */
        bool is_damage_reported;        /* since the pass began: it is not clean, even if all is repaired before its
                                         * checks come there */
        Verify verify;
        uint32_t dropped_codes;         /* bit for each code of which all conditions were dropped in this run */
        STAILQ_HEAD(, HealedStructure) healed;  /* in this run, the first one first */
        size_t n_healed;
        bool has_said_unmounted;
        bool is_ending;
        bool is_pumping;
} Watch;

typedef struct Sequence {
        TAILQ_ENTRY(Sequence) entries;
        Decision decision;
        HealthEvent event;
        Policy *policy;                 /* that it was decided by */
        uint64_t filesystem_id;
        FilesystemFacts identity;       /* texts are not kept */
        size_t step;                    /* that is being done */
        uint64_t job_id;                /* the job that is waited for; 0: none */
        bool is_own_job;                /* made for it, not joined */
        bool is_look;
        char *path;                     /* of the file, absolute; NULL: none, or not known */
        Deferred *gathered;             /* all that it is done for, the first is @event; NULL: for that alone */
} Sequence;

/* A condition of a file system that is not there. */
typedef struct WaitingCondition {
        TAILQ_ENTRY(WaitingCondition) entries;
        uint8_t uuid[UUID_SIZE];
        HealthCondition condition;      /* its message is owned */
} WaitingCondition;

/* A schedule and a file system that it concerns, whether that is mounted or not. */
typedef struct ScheduledCheck {
        TAILQ_ENTRY(ScheduledCheck) entries;
        uint8_t uuid[UUID_SIZE];
        char id[RULE_ID_SIZE];
        ScheduleMemory memory;
        uint64_t not_before_boottime_usec;      /* what is due; 0: at once */
        bool was_ahead;                 /* seen before it was due, in this run and mount: else it was missed */
        bool is_under_way;
        bool is_noted;                  /* that it waits was said */
} ScheduledCheck;

/* A full check that is remembered. */
typedef struct CheckedFilesystem {
        TAILQ_ENTRY(CheckedFilesystem) entries;
        uint8_t uuid[UUID_SIZE];
        CheckState state;
} CheckedFilesystem;

/* Of each of the two. */
#define ENGINE_SCHEDULED_MAX 4096

/* How far patrol and verification of a file system are that was not told yet, or is not mounted. */
typedef struct WaitingTurns {
        TAILQ_ENTRY(WaitingTurns) entries;
        uint8_t uuid[UUID_SIZE];
        bool has_patrol, has_verify;
        PatrolState patrol;
        VerifyState verify;
} WaitingTurns;

/* A pause or a silence (engine-suspend.c). */
typedef struct SuspensionItem SuspensionItem;

/* A job about the users of a file system, on its way to the worker (engine-fail.h). */
typedef struct FailRun FailRun;

/* A file system that is unmounted and mounted again (engine-recycle.h). */
typedef struct RecycleRun RecycleRun;

/* Who is asked before a destructive step. */
typedef struct PermitUnit {
        char template[UNIT_NAME_SIZE];  /* "": nobody */
        uint64_t timeout_usec;
} PermitUnit;

/* A unit that is kept from being started (engine-holds.c). */
typedef struct HeldUnit HeldUnit;

/* Somebody waits to hear who uses a file system (engine-users.c). */
typedef struct UsersQuestion UsersQuestion;
typedef struct AutofsckQuestion AutofsckQuestion;

struct Engine {
        sd_event *event;
        EngineOptions options;
        EngineObserver observers[ENGINE_OBSERVERS_MAX];
        size_t n_observers;

        FilesystemTable *filesystems;
        TAILQ_HEAD(, Watch) watches;
        WorkerLink *link;
        FactGatherer *gatherer;
        EventMerge *merge;
        RecordStream *recorder;
        RecordRing *ring;
        ReplaySource *replay;
        JobQueue *jobs;
        TAILQ_HEAD(, Sequence) sequences;
        size_t n_sequences;

        Policy *policy;
        PolicyMemory *memory;
        sd_event_source *memory_timer;
        uint64_t memory_kept_usec;      /* monotonic */
        DeferredTable *deferred;
        sd_event_source *deferred_timer;
        char *policy_problems;
        uint64_t policy_generation;

        bool is_state_loaded;
        TAILQ_HEAD(, WaitingCondition) waiting_conditions;
        size_t n_waiting_conditions;
        TAILQ_HEAD(, WaitingTurns) waiting_turns;
        size_t n_waiting_turns;
        TAILQ_HEAD(, ScheduledCheck) scheduled;
        size_t n_scheduled;
        TAILQ_HEAD(, CheckedFilesystem) checked;
        size_t n_checked;
        sd_event_source *schedule_timer, *schedule_wall_timer;
        uint8_t machine_id[UUID_SIZE];
        bool has_machine_id;            /* was looked up */
        bool is_on_battery;

        uint64_t next_event_id;
        uint64_t test_events_since_usec;        /* boottime; 0: there were none */
        unsigned n_test_events;         /* since then */
        size_t n_cases;
        sd_event_source *looks_timer;
        sd_event_source *survey_timer;  /* the next survey to begin or to give up */
        uint64_t last_survey_id;
        TAILQ_HEAD(, UsersQuestion) users_questions;
        size_t n_users_questions;
        uint64_t last_users_id;
        TAILQ_HEAD(, AutofsckQuestion) autofsck_questions;
        size_t n_autofsck_questions;
        uint64_t last_autofsck_id;
        TAILQ_HEAD(, FailRun) fail_runs;
        TAILQ_HEAD(, RecycleRun) recycle_runs;
        size_t n_inhibitors;
        PermitUnit permit;              /* of the policy */
        TAILQ_HEAD(, HeldUnit) held_units;
        size_t n_held_units;
        TAILQ_HEAD(, SuspensionItem) suspensions;
        sd_event_source *suspension_timer;
        WorkTurn *turn;                 /* decides what was left waiting so that the monitors could be read */
        sd_event_source *worker_timer;  /* runs while there is no worker */
        bool is_worker_given_up;        /* for too long: decisions are made without facts */
        bool is_complete;
        char kernel_release[65];
        Zone *zone;                     /* the machine's, as a worker said it last; NULL: none did, and UTC is used */
        bool is_zone_missed;            /* that was said */
        EngineTotals totals;
};

/* Calls one member of all observers that have it. */
#define engine_tell(engine, member, ...)                                                        \
        do {                                                                                    \
                for (size_t _i = 0; _i < (engine)->n_observers; _i++)                           \
                        if ((engine)->observers[_i].member)                                     \
                                (engine)->observers[_i].member((engine)->observers[_i].userdata, __VA_ARGS__); \
        } while (false)

/* engine-filesystems.c */
Watch *engine_watch_find(Engine *engine, uint64_t filesystem_id);
/* @fd: a monitor or an error watch, as @told says; borrowed; negative: none. */
void engine_on_filesystem(Engine *engine, const WorkerFilesystem *told, int fd);
void engine_on_mount(Engine *engine, const WorkerMount *told, bool is_added);
/* Everything that is known of it is decided, then it is released. */
void engine_end_filesystem(Engine *engine, Watch *watch);
/* The parts that new and adopted monitors share. @fd is copied; @number 0: a new account. */
int engine_filesystem_new(Engine *engine, dev_t device_number, Filesystem **ret_filesystem);
int engine_monitor_start(Engine *engine, Watch *watch, Filesystem *filesystem, int fd, uint64_t number);
void engine_on_source_end(void *userdata, uint64_t filesystem_id, int error);
void engine_on_source_event(void *userdata, const HealthEvent *event);
/* The end of watching as an event, also where the kernel forgot to tell it (before 7.2.7). */
void engine_tell_end(Engine *engine, Filesystem *filesystem, EventKind kind, int error);
void engine_forget_all(Engine *engine);

/* engine-errors.c */
/* Reads a copy of @fd from here on, and has it kept. The one before it is read to its end. Returns 0 or a negative
 * errno. */
int engine_error_watch_start(Engine *engine, Watch *watch, Filesystem *filesystem, int fd);
/* Reads what is left and closes it; nothing happens without one. */
void engine_error_watch_stop(Engine *engine, Watch *watch, Filesystem *filesystem);
/* What the file system counted before we came. */
void engine_tell_old_errors(Engine *engine, Watch *watch, const Filesystem *filesystem, const WorkerFilesystem *told);

/* engine-case.c */
/* What is known without asking anybody, at this moment. @event may be NULL: a person asks. All is borrowed. */
EventFacts engine_facts(Engine *engine, const HealthEvent *event, const Filesystem *filesystem);
/* Takes an event in: numbers it, gathers facts, decides. */
void engine_case_free(Case *ended);
void engine_take_event(Engine *engine, const HealthEvent *event);
/* The worker has told what it is called, or has nothing to tell: what waited for this goes on. */
void engine_facts_came(Engine *engine, Watch *watch);
void engine_on_merged_event(void *userdata, const HealthEvent *event);
void engine_on_gathered(void *userdata, uint64_t filesystem_id, uint64_t request_id, const WorkerGathered *answer,
                        int names_fd);
/* Decides all waiting cases with what is known now. */
void engine_decide_all(Engine *engine, Watch *watch);
/* Asks for what the policy that is in force now needs to know: what is asked for already the one before needed. */
void engine_ask_again(Engine *engine);
/* Goes on wherever it can be gone on: a worker is there again, or is given up. */
void engine_pump_all(Engine *engine);
/* A WorkTurnHandler: goes on with what was left. */
bool engine_on_turn(void *userdata, uint64_t until_usec);

/* The head has an answer: decides it, and what comes behind, unless it waits for another one. */
void engine_case_go_on(Engine *engine, Watch *watch);

/* engine-case-users.c */
/* Has it looked up who uses it, for the first case, if that can change what is decided. Returns true if
 * engine_case_go_on() will come of it, or if a worker may. */
bool engine_case_users_ask(Engine *engine, Watch *watch, const Filesystem *filesystem, Case *first);
/* Adds what was found to the facts of a case that is being decided. */
void engine_case_users_facts(Engine *engine, const Case *decided, EventFacts *facts);
/* What is being looked up nobody waits for any more. */
void engine_case_users_forget(Watch *watch);
void engine_case_users_clear(Watch *watch);

/* Something that waited is decided on like an event. @deferred: taken. */
void engine_take_deferred(Engine *engine, const Filesystem *filesystem, Deferred *deferred);
/* Something that was told before is decided on, for repairs alone. */
void engine_take_look(Engine *engine, Watch *watch, const HealthEvent *event);

/* As engine_take_event(), for its schedule alone. False: it could not be kept. */
bool engine_take_scheduled(Engine *engine, const HealthEvent *event, const char *schedule);
/* As engine_take_event(). False: it could not be kept. */
bool engine_take_made_up(Engine *engine, const HealthEvent *event);
/* engine-answer.c */
/* For the first case. What turns out to be metadata becomes an event about that; further names become cases behind it.
 * @names_fd: borrowed, may be negative. */
void engine_case_take_answer(Engine *engine, Watch *watch, Filesystem *filesystem, const WorkerGathered *answer,
                             int names_fd);

/* engine-act.c */
/* Leaves of @decisions those that come to a repair after nothing but telling, and of them the repair and what an
 * escalation does if it does not help. Returns how many. */
size_t engine_keep_repairs(const Engine *engine, Decision *decisions, size_t n);
/* Hands the repair that @decision is going to come to over to the worker; engine_carry_out() then finds it begun, and
 * job_queue_settle() takes it back if nobody did. @expected_autofsck as job_queue_begin(). */
void engine_begin_repair(Engine *engine, const Decision *decision, const HealthEvent *event, uint64_t filesystem_id,
                         int expected_autofsck);
void engine_on_job_changed(void *userdata, Job *job);
JobOrder engine_order_of(Engine *engine, const Decision *decision, const HealthEvent *event, uint64_t filesystem_id,
                         const ActionRequest *request);
/* Why job_queue_add() refused, in words. @error: positive. */
const char *engine_order_error_text(int error);
/* A result is told as an event about the same target. */
void engine_tell_result(Engine *engine, EventKind kind, const HealthEvent *cause, uint64_t filesystem_id, int error);

/* engine-plan.c: what a repair that failed may still wait for. For the JobCarrier. */
bool engine_plan_may_help(void *userdata, const Job *job);
bool engine_plan_seek_help(void *userdata, Job *job);
bool engine_plan_may_try_again(void *userdata, const Job *job);

/* engine-looks.c: sick structures of an earlier mount, and those that could not be reached. */
void engine_looks_on_surveyed(Engine *engine, Watch *watch);
void engine_looks_on_conditions_back(Engine *engine, Watch *watch);
/* A mount of it came, or can be written to now, or there is a worker again. @watch may be NULL. */
void engine_looks_on_reachable(Engine *engine, Watch *watch);
/* A repair of it. */
void engine_looks_on_job_ended(Engine *engine, Filesystem *filesystem, const Job *job);
/* Whether it may be repaired is not known, or there is no room for one more: after a while. */
void engine_looks_later(Engine *engine, Filesystem *filesystem, const HealthEvent *event);
/* What of the decisions about one is carried out. Returns how many are left. */
size_t engine_looks_keep(Engine *engine, Filesystem *filesystem, const HealthEvent *event, Decision *decisions,
                         size_t n);
/* Nothing could be done for this target now; something will tell when it can. */
void engine_looks_want(Engine *engine, Filesystem *filesystem, const char *target);
/* The next one, if none is under way that could still come to something. */
void engine_looks_next(Engine *engine, Watch *watch);

/* engine-sequence.c */
typedef struct CarryOut {
        const char *path;               /* of the file, as the worker tells it; NULL: none, or not known */
        Deferred **gathered;            /* NULL: nothing was; taken from there, and NULL is left */
        bool is_look;
} CarryOut;
void engine_carry_out(Engine *engine, const Decision *decision, const HealthEvent *event, uint64_t filesystem_id,
                      const CarryOut *how);
/* What a decision that is only observed would do to the users of a file system is found out. */
void engine_observe(Engine *engine, const Decision *decision, const HealthEvent *event, uint64_t filesystem_id);
void engine_continue_sequences(Engine *engine, const Job *job);
/* One more action for what @job was ordered for: may it be begun, by the policy of this moment? Then it is counted.
 * @request: may be lowered to what is allowed. */
bool engine_sequence_may_act(Engine *engine, const Job *job, ActionRequest *request);
void engine_forget_sequences(Engine *engine);
bool engine_has_scheduled_sequence(const Engine *engine, uint64_t filesystem_id, const char *schedule);

/* engine-memory.c: what the policy remembers of events before. */
#define MEMORY_KEY_PREFIX "policy/"
#define DEFERRED_KEY_PREFIX "deferred/"
/* Which boot this is. */
void engine_find_boot_id(const Engine *engine, char boot_id[static BOOT_ID_SIZE]);
int engine_memory_start(Engine *engine);
void engine_memory_stop(Engine *engine);
/* What was changed is kept, soon. */
void engine_memory_changed(Engine *engine);
/* As the table in engine-state.c wants them. */
int engine_adopt_memory(Engine *engine, const char *key, const void *value, size_t size_bytes);
void engine_memory_loaded(Engine *engine);
int engine_adopt_deferred(Engine *engine, const char *key, const void *value, size_t size_bytes);
void engine_deferred_loaded(Engine *engine);
/* It is to be there after a restart; it is not any more. */
void engine_keep_deferred(Engine *engine, const Deferred *deferred);
void engine_forget_deferred(Engine *engine, const Deferred *deferred);
/* For a look: the damage was counted when it was told, what is done now is an action. */
void engine_remember_look(Engine *engine, const EventFacts *facts, const Decision *decisions, size_t n);
void engine_remember(Engine *engine, const EventFacts *facts, const Decision *decisions, size_t n,
                     const Filesystem *filesystem);

/* engine-deferred.c: decisions and actions that wait. */
int engine_deferred_start(Engine *engine);
void engine_deferred_stop(Engine *engine);
/* The decision, or action @action of it. */
void engine_defer(Engine *engine, const Decision *decision, size_t action, const EventFacts *facts);
/* What has come due is looked at again. */
void engine_deferred_run(Engine *engine);
/* The clock on the wall, or its zone, may be another. */
void engine_deferred_on_clock(Engine *engine);
/* @filesystem may be NULL. */
void engine_deferred_tell_dropped(Engine *engine, const Deferred *deferred, const Filesystem *filesystem,
                                  const char *why);
void engine_deferred_on_healthy(Engine *engine, const Filesystem *filesystem, const HealthEvent *event);
void engine_deferred_on_mounted(Engine *engine, const Filesystem *filesystem);
void engine_deferred_on_unmount(Engine *engine, Filesystem *filesystem);

/* engine-conditions.c */
void engine_conditions_from_event(Engine *engine, Filesystem *filesystem, const HealthEvent *event);
void engine_conditions_from_monitor(Engine *engine, Filesystem *filesystem);
void engine_conditions_from_job(Engine *engine, Filesystem *filesystem, const Job *job);
/* A full scan ended, ours or another's. */
void engine_conditions_from_scan(Engine *engine, Filesystem *filesystem, Outcome outcome);
void engine_raise(Engine *engine, Filesystem *filesystem, ConditionCode code, Severity severity, const char *target,
                  const char *message, uint64_t event_id);
void engine_drop(Engine *engine, Filesystem *filesystem, ConditionCode code, const char *target);
/* Raises what a rule wants raised, for @event, which is the decision's own or came with it. A structure that is well by
 * then has no condition. */
void engine_raise_for_rule(Engine *engine, Filesystem *filesystem, const Decision *decision,
                           const ActionRequest *request, const HealthEvent *event);

/* engine-offline.c: what cannot be repaired while it is mounted */
/* What is said of a repair that did not help, with the file if it is known and its path fits. Returns @buffer. */
#define LEFT_MESSAGE_SIZE 1536
const char *engine_left_message(const Job *job, const char *why, char buffer[static LEFT_MESSAGE_SIZE]);
/* A full scan found damage: what it was made for may be left. */
void engine_scan_left(Engine *engine, Filesystem *filesystem, const Job *job);
void engine_raise_offline(Engine *engine, Filesystem *filesystem, const Job *job, const char *why);
/* One condition names all that is left. */
void engine_left_over_tell(Engine *engine, Filesystem *filesystem, uint64_t event_id);
/* Something may be left no more. */
void engine_left_over_changed(Engine *engine, Filesystem *filesystem);
/* The device that an earlier mount had may be another disk today: commands in the message are for the names that it has
 * now. Returns 0 or -ENOMEM. */
int engine_condition_rename(const Filesystem *filesystem, HealthCondition *condition);

/* engine-kept-conditions.c: conditions that survive an unmount and this process */
/* Its UUID may be known now: what waits for it comes back. */
void engine_conditions_identify(Engine *engine, Watch *watch, Filesystem *filesystem);
void engine_condition_keep(Engine *engine, const Filesystem *filesystem, const HealthCondition *condition);
/* @target NULL: those that were in the list are told one by one, others of this code are not to come back. */
void engine_condition_forget(Engine *engine, const Filesystem *filesystem, ConditionCode code, const char *target);
/* Of a file system that is not mounted: it waits for it. */
void engine_condition_raise_absent(Engine *engine, const uint8_t uuid[static UUID_SIZE], ConditionCode code,
                                   Severity severity, const char *message, uint64_t event_id);
/* Conditions of rules about this structure that are told later are not to come back. */
void engine_condition_forget_structure(Engine *engine, const Filesystem *filesystem, const char *structure);
void engine_healed_free(Watch *watch);
/* It is gone; what is true on its disk waits for it. */
void engine_conditions_unmounted(Engine *engine, const Watch *watch, Filesystem *filesystem);
int engine_adopt_condition(Engine *engine, const char *key, const void *value, size_t size_bytes);
void engine_conditions_loaded(Engine *engine);
void engine_forget_conditions(Engine *engine);

/* engine-state.c */
/* Nothing happens before the state was loaded, or without a keeper. */
void engine_state_put(Engine *engine, const char *key, const void *value, size_t size_bytes);
/* At any time: what was kept before must not come back. */
void engine_state_remove(Engine *engine, const char *key);

/* engine-survey.c: what the kernel knew before it could tell us. */
void engine_survey_on_attached(Engine *engine, Watch *watch);
/* One that an earlier healerd began to ask about and did not finish. */
void engine_survey_on_adopted(Engine *engine, Watch *watch);
/* An event of a survey is taken in or a decision about it begins (true); it was decided, the decision was carried out
 * (false). */
void engine_survey_count(Engine *engine, const HealthEvent *event, bool is_begun);
void engine_survey_on_event(Engine *engine, Filesystem *filesystem, const HealthEvent *event);
/* Its result comes to the queue as that of a worker. Returns 0 or a negative errno. */
int engine_survey_for_job(Engine *engine, const Job *job, const Filesystem *filesystem);
int engine_survey_cancel_job(Engine *engine, const Job *job);
void engine_survey_end_watch(Engine *engine, Watch *watch);
/* One that waited for it may begin. */
void engine_survey_on_repair_ended(Engine *engine);
/* What else a repair has brought to light is asked for. */
void engine_survey_after_repair(Engine *engine, const Job *job);
void engine_survey_on_worker_ready(Engine *engine);
void engine_survey_on_worker_lost(Engine *engine);
void engine_on_survey_result(Engine *engine, const WorkerSurveyResult *result);

/* engine-survey-end.c */
Outcome engine_survey_outcome(const WorkerSurveyResult *result);
void engine_survey_log_end(const Watch *watch, const Filesystem *filesystem, const WorkerSurveyResult *result);

/* The next turn of a patrol or a verification. @due_usec: monotonic, not before; 0: no more. What is more urgent ends
 * one that is going on. */
void engine_survey_want_turn(Engine *engine, Watch *watch, SurveyDepth depth, uint64_t due_usec);

/* engine-waiting.c */
/* NULL: nothing waits for this file system. */
WaitingTurns *engine_waiting_find(Engine *engine, const uint8_t uuid[static UUID_SIZE]);
/* A new one if need be. Returns 0, -ENOSPC at the limit, -ENOMEM. */
int engine_waiting_get(Engine *engine, const uint8_t uuid[static UUID_SIZE], WaitingTurns **ret_waiting);
/* Something of it was taken; forgets it when nothing is left. */
void engine_waiting_taken(Engine *engine, WaitingTurns *waiting);
void engine_forget_waiting(Engine *engine);

/* engine-verify.c: verification of the media. */
/* The machine is on its battery now, or no more. */
void engine_verify_on_power(Engine *engine);
/* Begins it, or goes on where an earlier job for the same was. Returns 0 or a negative errno. */
int engine_verify_for_job(Engine *engine, const Job *job);
int engine_verify_cancel_job(Engine *engine, const Job *job);
void engine_verify_on_job_ended(Engine *engine, const Job *job);
/* The next turn is about to be asked for; each record of it, the last one as well; then that it ended. */
void engine_verify_ask(Watch *watch, Filesystem *filesystem, WorkerSurveyRequest *request);
void engine_verify_take(Engine *engine, Watch *watch, Filesystem *filesystem, const WorkerSurveyResult *result);
void engine_verify_on_turn_ended(Engine *engine, Watch *watch, Filesystem *filesystem,
                                 const WorkerSurveyResult *result, Outcome outcome);
/* Its UUID may be known now: what was begun and not ended goes on. */
void engine_verify_identify(Engine *engine, Watch *watch, Filesystem *filesystem);
void engine_verify_unmounted(Engine *engine, const Watch *watch, const Filesystem *filesystem);
int engine_adopt_verify(Engine *engine, const char *key, const void *value, size_t size_bytes);
void engine_verifies_loaded(Engine *engine);

/* engine-patrol.c: damage that nobody has met yet. */
void engine_patrol_on_attached(Engine *engine, Watch *watch, Filesystem *filesystem);
/* Its UUID may be known now: what was kept of it comes back. */
void engine_patrol_identify(Engine *engine, Watch *watch, Filesystem *filesystem);
void engine_patrol_on_policy(Engine *engine);
/* The next turn is about to be asked for. */
void engine_patrol_ask(Engine *engine, Watch *watch, Filesystem *filesystem, WorkerSurveyRequest *request);
/* Each record of a turn, the last one as well; then that it ended. */
void engine_patrol_take(const Watch *watch, Filesystem *filesystem, const WorkerSurveyResult *result);
/* Anybody may meet damage while a pass goes on. */
void engine_patrol_on_event(Watch *watch, Filesystem *filesystem, const HealthEvent *event);
void engine_patrol_on_turn_ended(Engine *engine, Watch *watch, Filesystem *filesystem, const WorkerSurveyResult *result,
                                 uint64_t started_usec);
int engine_adopt_patrol(Engine *engine, const char *key, const void *value, size_t size_bytes);
void engine_patrols_loaded(Engine *engine);

/* engine-schedule.c: what is done by the calendar. */
int engine_schedules_start(Engine *engine);
void engine_schedules_stop(Engine *engine);
/* How much later than others of its fleet this machine does something, below @spread_usec; always the same. */
uint64_t engine_spread_usec(Engine *engine, const uint8_t uuid[static UUID_SIZE], const char *id,
                            uint64_t spread_usec);
/* Something may be due, or is due at another time: looked at soon, from the loop. */
void engine_schedules_look(Engine *engine);
/* What is due was decided on and carried out as far as it went. */
void engine_schedule_on_decided(Engine *engine, uint64_t filesystem_id, const char *id);
/* What became of it. */
typedef struct ScheduleEnd {
        Outcome outcome;
        bool was_begun;                 /* else it was refused, and: */
        bool is_for_good;               /* will be again for as long as nobody changes anything */
} ScheduleEnd;
void engine_schedule_on_end(Engine *engine, const uint8_t uuid[static UUID_SIZE], const char *id, ScheduleEnd end);
/* It is unmounted. */
void engine_schedules_on_gone(Engine *engine, const Watch *watch);
int engine_adopt_schedule(Engine *engine, const char *key, const void *value, size_t size_bytes);
/* The machine's power. */
void engine_on_power(Engine *engine, const WorkerPower *told);

/* engine-checked.c: the last full check. */
void engine_checked_identify(Engine *engine, const Watch *watch, Filesystem *filesystem);
/* What was noted while the clock was ahead would count for each time until the clock comes there. */
void engine_checked_correct(Engine *engine, const Watch *watch, Filesystem *filesystem);
/* One ended. */
void engine_checked_note(Engine *engine, Filesystem *filesystem, Outcome outcome, bool is_scheduled);
/* What others do. */
void engine_on_scan(Engine *engine, const WorkerScan *told);
/* Nobody tells of them any more. */
void engine_forget_scans(Engine *engine);
int engine_adopt_checked(Engine *engine, const char *key, const void *value, size_t size_bytes);
void engine_checked_loaded(Engine *engine);
void engine_forget_checked(Engine *engine);

/* engine-autofsck.c */
void engine_on_autofsck(Engine *engine, const WorkerAutofsckResult *told);
/* Nobody will answer those that wait any more. @error: positive. */
void engine_autofsck_end_all(Engine *engine, int error);

/* engine-zone.c */
/* @fd: sealed memory, borrowed; negative: UTC. */
void engine_on_zone(Engine *engine, const WorkerZone *told, int fd);
/* Before a decision: says, once, that its windows will be those of UTC because no zone is known. */
void engine_miss_zone(Engine *engine);

/* engine-unit.c: its result comes to the queue as that of any job. Returns 0 or a negative errno. */
int engine_unit_for_job(Engine *engine, const Job *job);
/* True if somebody takes it. */
bool engine_unit_ended(Engine *engine, const WorkerJobResult *result);

/* engine-worker.c */
int engine_worker_start(Engine *engine);
void engine_on_worker_message(void *userdata, const WorkerMessage *message, int fd);
/* The result of a job is recorded: the worker may forget it. */
void engine_worker_taken(Engine *engine, uint64_t job_id);
int engine_worker_cancel(Engine *engine, const Job *job);
/* Says that the monitor of this superblock is not held any more. */
void engine_worker_release(Engine *engine, dev_t device_number);
extern const JobCarrier engine_worker_carrier;  /* its userdata is to be set */
