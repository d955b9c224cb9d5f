/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One event from its arrival to its decision: number, facts, policy. Events of one file system keep their
 * order; those of another do not wait for it.
 */

#include <string.h>

#include "src/basic/clock.h"
#include "src/basic/log.h"
#include "src/basic/text.h"
#include "src/engine/engine-internal.h"
#include "src/engine/engine-suspend.h"

/* Under load a fact is not asked for again while the last answer is this young. */
#define FACTS_FRESH_USEC USEC_PER_SEC
/* With more events than this waiting, paths and owners are left unknown rather than looked up one by one. */
#define PATH_CASES_MAX 64

/* Of an inode that could not be loaded the kernel does not know the generation, or it met the damage behind it; use
 * hardly ever finds a core sick in another way. Whoever looks for its name loads it once more, and the kernel reports
 * that: asking for each report would never end. */
static bool may_be_unloadable(const HealthEvent *event) {
        return event->generation == 0 ||
               (event->kind == EVENT_SICK && event->source == EVENT_SOURCE_HEALTHMON &&
                event->structure == STRUCTURE_INODE_CORE);
}

static bool names_file(const HealthEvent *event) {
        return event->inode != 0 && !may_be_unloadable(event) &&
               (event->domain == DOMAIN_INODE || event->domain == DOMAIN_FILERANGE);
}

/* Of what type is it? Of a directory or a symbolic link it is metadata that is lost. */
static bool is_lost(const HealthEvent *event) {
        return event->kind == EVENT_DATA_LOST && names_file(event);
}

/* What a policy needs to know of the event, or of what it may turn out to be. */
static bool needs_fact(const Engine *engine, const HealthEvent *event, PolicyFact fact) {
        return policy_needs_fact(engine->policy, event->kind, fact) ||
               (is_lost(event) && policy_needs_fact(engine->policy, EVENT_SICK, fact));
}

static bool wants_path(const Engine *engine, const Watch *watch, const Filesystem *filesystem,
                       const HealthEvent *event) {
        if (!names_file(event) || !filesystem->facts.has_parent_pointers)
                return false;
        /* Who has to restore them has to know them all. */
        if (is_lost(event))
                return true;
        if (watch->n_cases > PATH_CASES_MAX)
                return false;
        /* Without a reader of the journal's line in mind the policy alone would decide; but people read it. */
        return !event_kind_is_result(event->kind) || policy_needs_fact(engine->policy, event->kind, POLICY_FACT_PATH);
}

/* Nobody but the policy asks for it. */
static bool wants_of_owner(const Engine *engine, const Watch *watch, const HealthEvent *event, PolicyFact fact) {
        return names_file(event) && watch->n_cases <= PATH_CASES_MAX && needs_fact(engine, event, fact);
}

static bool wants_autofsck(const Engine *engine, const Watch *watch, const Filesystem *filesystem,
                           const HealthEvent *event) {
        if (!text_equal(filesystem->facts.type, "xfs"))
                return false;
        if (watch->n_cases > 1 && watch->gathered_monotonic_usec != 0 &&
            clock_monotonic_usec() - watch->gathered_monotonic_usec < FACTS_FRESH_USEC)
                return false;
        return needs_fact(engine, event, POLICY_FACT_AUTOFSCK);
}

/* FAN_FS_ERROR says what, ext4 keeps beside its count where: worth a look, because people want to know. Returns the
 * time since which the error must have been counted, or 0. */
static uint64_t wants_last_error(const Watch *watch, const Filesystem *filesystem, const HealthEvent *event) {
        if (event->source != EVENT_SOURCE_FANOTIFY || event->kind != EVENT_FILESYSTEM_ERROR)
                return 0;
        if (!text_starts_with(filesystem->facts.type ?: "", "ext") || watch->n_cases > PATH_CASES_MAX)
                return 0;
        /* The time of the event is that of its reading, and ext4 counts in seconds. */
        return event->time_realtime_nsec / (NSEC_PER_USEC * USEC_PER_SEC) - 1;
}

/* What was true a while ago is no ground for a repair now. */
static void forget_autofsck(Filesystem *filesystem, int error) {
        filesystem->facts.autofsck_state = FACT_UNKNOWN;
        filesystem->facts.autofsck_error = error;
}

typedef struct CasePaths {
        char **items;                   /* absolute; NULL-terminated; NULL: none */
        size_t n_items;
} CasePaths;

static void case_paths_clear(CasePaths *paths) {
        for (size_t i = 0; i < paths->n_items; i++)
                free(paths->items[i]);
        free(paths->items);
        *paths = (CasePaths) {};
}

/* The worker's path begins at the root of the file system; rules see it as everybody does, below the mount points: all
 * of them or, without memory, none, so that no rule takes a part for the whole. */
static void find_paths(const Filesystem *filesystem, const Case *asked, CasePaths *ret_paths) {
        _cleanup_(case_paths_clear) CasePaths paths = {};

        *ret_paths = (CasePaths) {};
        if (asked->path_state != FACT_KNOWN)
                return;
        paths.items = calloc(filesystem->n_mounts + 1, sizeof(*paths.items));
        for (size_t i = 0; paths.items && i < filesystem->n_mounts; i++) {
                const FilesystemMount *mount = filesystem->mounts + i;

                if (!mount->is_whole || !mount->mount_point)
                        continue;
                if (asprintf(&paths.items[paths.n_items], "%s%s",
                             text_equal(mount->mount_point, "/") ? "" : mount->mount_point, asked->path) < 0)
                        return;
                paths.n_items++;
        }

        *ret_paths = paths;
        paths = (CasePaths) {};
}

EventFacts engine_facts(Engine *engine, const HealthEvent *event, const Filesystem *filesystem) {
        engine_miss_zone(engine);
        return (EventFacts) {
                .event = event,
                .now_boottime_usec = clock_boottime_usec(),
                .now_realtime_usec = clock_realtime_usec(),
                .zone = engine->zone,
                .filesystem = filesystem ? &filesystem->facts : NULL,
        };
}

static void set_paths(EventFacts *facts, const Case *asked, const CasePaths *paths) {
        /* Known, but nowhere visible as a whole: no rule can say what it would be. */
        facts->path_state = asked->path_state == FACT_KNOWN && paths->n_items == 0 ? FACT_UNKNOWN : asked->path_state;
        facts->path_error = asked->path_error;
        facts->paths = (const char *const *) paths->items;
}

static EventFacts facts_of(Engine *engine, const Filesystem *filesystem, const Case *asked, const CasePaths *paths) {
        static const FileOwner nobody = {
                .user.state = FACT_ABSENT,
                .group.state = FACT_ABSENT,
                .project_state = FACT_ABSENT,
        };
        EventFacts facts = engine_facts(engine, &asked->event, filesystem);

        set_paths(&facts, asked, paths);
        engine_case_users_facts(engine, asked, &facts);
        facts.owner = asked->event.inode != 0 ? asked->owner : &nobody;
        if (asked->deferred) {
                facts.resumed_from = deferred_resumed_from(asked->deferred->kind);
                facts.resumed_rule = asked->deferred->rule_id;
                facts.resumed_step = asked->deferred->step;
        } else if (asked->schedule) {
                facts.resumed_from = RESUMED_SCHEDULE;
                facts.resumed_rule = asked->schedule;
        }
        return facts;
}

/* Where the last answer would lead to a repair, it is handed over with the question: the worker does it only if the
 * answer is the same. What hangs on path or owner, which nobody knows yet, waits for it. */
static void begin_ahead(Engine *engine, Filesystem *filesystem, const Case *asked, const FactQuestion *question) {
        const CasePaths none = {};
        const EventFacts facts = facts_of(engine, filesystem, asked, &none);
        static Decision decisions[POLICY_DECISIONS_MAX];
        size_t n = 0;

        if (asked->event.is_test || engine_pause_of(engine, filesystem) ||
            filesystem->facts.autofsck_state != FACT_KNOWN || question->owner || question->project ||
            question->is_lost || question->checked.structure != STRUCTURE_NONE ||
            asked->wants_users ||
            (question->path && policy_needs_fact(engine->policy, asked->event.kind, POLICY_FACT_PATH)) ||
            policy_choose(engine->policy, engine->memory, &facts, decisions, ELEMENTSOF(decisions), &n) < 0)
                return;

        for (size_t i = 0; i < n; i++) {
                engine_begin_repair(engine, decisions + i, &asked->event, filesystem->id,
                                    (int) filesystem->facts.autofsck);
                decision_clear(decisions + i);
        }
}

static bool has_to_last(const Case *asked) {
        return asked->deferred && asked->deferred->kind == DEFERRED_FOR;
}

/* What had to last is looked at again before it is believed. */
static SickFinding wants_check(const Case *asked) {
        const HealthEvent *event = &asked->event;

        if (!has_to_last(asked))
                return (SickFinding) { .structure = STRUCTURE_NONE };
        return (SickFinding) {
                .domain = event->domain,
                .structure = event->structure,
                .group = event->group,
                .inode = event->inode,
                .generation = event->generation,
        };
}

/* Asks for what the first case of the queue needs. Returns true if an answer will come: also without a worker,
 * as long as a new one may be expected, because a decision without facts would let damage pass that could be
 * healed. */
static bool case_ask(Engine *engine, Watch *watch, Filesystem *filesystem, Case *first) {
        const HealthEvent *event = &first->event;
        const FactQuestion question = {
                .inode = event->inode,
                .generation = event->generation,
                .path = !first->is_named && wants_path(engine, watch, filesystem, event),
                .is_lost = !first->is_named && is_lost(event) && text_equal(filesystem->facts.type, "xfs"),
                .owner = wants_of_owner(engine, watch, event, POLICY_FACT_OWNER),
                .project = wants_of_owner(engine, watch, event, POLICY_FACT_PROJECT),
                .error_since_sec = wants_last_error(watch, filesystem, event),
                .checked = wants_check(first),
        };
        bool autofsck = wants_autofsck(engine, watch, filesystem, event);
        /* Nothing of the file system is touched for it: also after a shutdown. */
        bool users = engine_case_users_ask(engine, watch, filesystem, first);
        int r;

        if (watch->is_ending || !engine->gatherer || filesystem->n_mounts == 0 || filesystem->is_shut_down)
                return users;
        if (!question.path && !question.owner && !question.project && !question.is_lost && !autofsck &&
            question.error_since_sec == 0 && question.checked.structure == STRUCTURE_NONE)
                return users;
        if (!engine_worker_is_connected(engine) && !engine->is_worker_given_up)
                return true;

        if (autofsck && !first->is_look && engine_worker_is_connected(engine))
                begin_ahead(engine, filesystem, first, &question);
        r = fact_gatherer_ask(engine->gatherer, filesystem, &question, &watch->request_id);
        /* The line may break in the middle of the question. */
        if (r < 0 && !engine_worker_is_connected(engine) && !engine->is_worker_given_up)
                return true;
        if (r < 0) {
                first->path_error = -r;
                if (autofsck)
                        forget_autofsck(filesystem, -r);
                log_debug_errno(r, "facts cannot be asked for: %m");
                return users;
        }
        return true;
}

static void tell_event(Engine *engine, Filesystem *filesystem, const Case *decided, const EventFacts *facts) {
        engine_tell(engine, on_event, &decided->event, filesystem, decided->path, facts);
        record_ring_mark_told(engine->ring, decided->event.kept_as);
        if (decided->event.is_test)
                return;
        engine_conditions_from_event(engine, filesystem, &decided->event);
        engine_survey_on_event(engine, filesystem, &decided->event);
        if (decided->event.kind == EVENT_HEALTHY)
                engine_deferred_on_healthy(engine, filesystem, &decided->event);
}

/* Copies are made in here: an action's result may bring the next case before this ends. */
static void carry_out_all(Engine *engine, uint64_t filesystem_id, Case *decided, const EventFacts *facts,
                          const Decision *decisions, size_t n) {
        bool has_gathered = decided->deferred && decided->deferred->kind == DEFERRED_GATHER;
        const CarryOut how = {
                .path = decided->path,
                .gathered = has_gathered ? &decided->deferred : NULL,
                .is_look = decided->is_look,
        };

        for (size_t i = 0; i < n; i++)
                /* Whoever tries something out does not want to wait, and what waits would be kept. */
                if (decisions[i].wait == WAIT_NONE || decided->event.is_test)
                        engine_carry_out(engine, decisions + i, &decided->event, filesystem_id, &how);
                else if (!decisions[i].suppressed_by[0])
                        engine_defer(engine, decisions + i, 0, facts);
}

/* Unknown starts nothing, and would be forgotten with the decision. */
static void look_at_unknown(Engine *engine, uint64_t filesystem_id, const HealthEvent *event) {
        Filesystem *filesystem = filesystem_table_find_id(engine->filesystems, filesystem_id);

        if (filesystem && filesystem->facts.autofsck_state == FACT_UNKNOWN && !event->is_test &&
            (event->kind == EVENT_SICK || event->kind == EVENT_CORRUPT) &&
            metadata_structure_is_repairable(event->structure))
                engine_looks_later(engine, filesystem, event);
}

static void case_decide(Engine *engine, Filesystem *filesystem, Case *decided) {
        static Decision decisions[POLICY_DECISIONS_MAX];
        _cleanup_(case_paths_clear) CasePaths paths = {};
        EventFacts facts;
        uint64_t now_nsec = clock_realtime_usec() * NSEC_PER_USEC;
        uint64_t filesystem_id = filesystem->id;
        bool is_repair_held_back;
        size_t n = 0;
        int r;

        if (policy_needs_fact(engine->policy, decided->event.kind, POLICY_FACT_PATH))
                find_paths(filesystem, decided, &paths);
        facts = facts_of(engine, filesystem, decided, &paths);
        r = policy_choose(engine->policy, engine->memory, &facts, decisions, ELEMENTSOF(decisions), &n);
        is_repair_held_back = engine_hold_back(engine, &decided->event, filesystem, decisions, n);
        if (r >= 0 && decided->is_look)
                n = engine_looks_keep(engine, filesystem, &decided->event, decisions, n);
        /* First of all: whoever is told of it wants the processor, too. */
        for (size_t i = 0; r >= 0 && i < n; i++)
                engine_begin_repair(engine, decisions + i, &decided->event, filesystem_id, -1);

        /* What is kept, and what waits, takes the path along, whether this policy asks for it or not. */
        if (!paths.items) {
                find_paths(filesystem, decided, &paths);
                set_paths(&facts, decided, &paths);
        }
        /* What waited was told when it came. */
        if (!decided->deferred && !decided->is_look)
                tell_event(engine, filesystem, decided, &facts);
        if (is_repair_held_back)
                engine_want_after_pause(engine, filesystem, &decided->event);

        if (r < 0) {
                log_error_errno(r, "event %" PRIu64 ": cannot be decided, nothing is done: %m", decided->event.id);
                job_queue_settle(engine->jobs, decided->event.id);
                return;
        }
        if (now_nsec > decided->event.time_realtime_nsec)
                engine->totals.last_lag_usec = (now_nsec - decided->event.time_realtime_nsec) / NSEC_PER_USEC;

        for (size_t i = 0; i < n; i++) {
                decisions[i].event_id = decided->event.id;
                engine_tell(engine, on_decision, decisions + i, &decided->event, filesystem);
        }
        if (decided->is_look)
                engine_remember_look(engine, &facts, decisions, n);
        else if (!decided->event.is_test)
                engine_remember(engine, &facts, decisions, n, filesystem);
        carry_out_all(engine, filesystem_id, decided, &facts, decisions, n);
        look_at_unknown(engine, filesystem_id, &decided->event);
        job_queue_settle(engine->jobs, decided->event.id);
        for (size_t i = 0; i < n; i++)
                decision_clear(decisions + i);
        if (decided->schedule)
                engine_schedule_on_decided(engine, filesystem_id, decided->schedule);
}

void engine_case_free(Case *ended) {
        free(ended->path);
        free(ended->owner);
        deferred_free(ended->deferred);
        free(ended->schedule);
        free(ended);
}

static Case *case_take_first(Engine *engine, Watch *watch) {
        Case *first = STAILQ_FIRST(&watch->cases);

        STAILQ_REMOVE_HEAD(&watch->cases, entries);
        watch->n_cases--;
        engine->n_cases--;
        return first;
}

static void case_finish(Engine *engine, Watch *watch, Filesystem *filesystem) {
        Case *first = case_take_first(engine, watch);

        if (has_to_last(first) && first->is_sick != TRISTATE_YES)
                engine_deferred_tell_dropped(engine, first->deferred, filesystem,
                                             first->is_sick == TRISTATE_NO ? "for: it is healthy again"
                                             : "for: whether it is still sick cannot be told");
        else
                case_decide(engine, filesystem, first);
        engine_survey_count(engine, &first->event, false);
        record_ring_release(engine->ring, first->event.kept_as);
        engine_case_free(first);
}

/* Nobody waits for a recording, and it ends when it was read. */
static bool is_turn_over(const Engine *engine, const Watch *watch) {
        return !watch->is_ending && !engine->options.replay_path && work_turn_is_over(engine->event);
}

/* Decides from the head of the queue on, until one has to wait for its facts, or the turn is over: thousands
 * of files that fail at once must not keep the monitors waiting. Not re-entrant: what a decision brings about
 * is put at the end of the queue and is seen by the loop that runs already. True: time was all that was
 * missing; at least @n_min were decided. */
static bool pump(Engine *engine, Watch *watch, size_t n_min) {
        Filesystem *filesystem = filesystem_table_find_id(engine->filesystems, watch->filesystem_id);
        bool is_over = false;

        if (watch->is_pumping)
                return false;
        /* Told now, it would be told under the name of nothing. */
        if (watch->awaits_facts && !watch->is_ending && !engine->is_worker_given_up)
                return false;
        watch->is_pumping = true;
        for (size_t n = 0; watch->request_id == 0 && !watch->users_look && !STAILQ_EMPTY(&watch->cases); n++) {
                is_over = n >= n_min && is_turn_over(engine, watch);
                if (is_over || case_ask(engine, watch, filesystem, STAILQ_FIRST(&watch->cases)))
                        break;
                case_finish(engine, watch, filesystem);
        }
        watch->is_pumping = false;
        if (is_over)
                work_turn_begin(engine->turn);
        /* What was put back may have waited for what was not decided yet. */
        else if (STAILQ_EMPTY(&watch->cases)) {
                job_queue_look_at_put_back(engine->jobs);
                engine_looks_next(engine, watch);
        }
        return is_over;
}

void engine_pump_all(Engine *engine) {
        Watch *watch;

        TAILQ_FOREACH(watch, &engine->watches, entries)
                (void) pump(engine, watch, 0);
}

void engine_ask_again(Engine *engine) {
        Watch *watch;

        /* The answer to what was asked before comes too late then, and a repair that was begun with the question is
         * found begun, or taken back with the decision. */
        TAILQ_FOREACH(watch, &engine->watches, entries) {
                watch->request_id = 0;
                engine_case_users_forget(watch);
        }
        engine_pump_all(engine);
}

bool engine_on_turn(void *userdata, _unused_ uint64_t until_usec) {
        Engine *engine = userdata;
        Watch *watch;

        TAILQ_FOREACH(watch, &engine->watches, entries)
                if (pump(engine, watch, 1)) {
                        /* The next turn is another file system's, if one is waiting. */
                        TAILQ_REMOVE(&engine->watches, watch, entries);
                        TAILQ_INSERT_TAIL(&engine->watches, watch, entries);
                        return true;
                }
        return false;
}

void engine_facts_came(Engine *engine, Watch *watch) {
        if (!watch->awaits_facts)
                return;
        watch->awaits_facts = false;
        (void) pump(engine, watch, 0);
}

void engine_decide_all(Engine *engine, Watch *watch) {
        watch->request_id = 0;
        engine_case_users_forget(watch);
        (void) pump(engine, watch, 0);
}

void engine_case_go_on(Engine *engine, Watch *watch) {
        if (watch->request_id != 0 || watch->users_look)
                return;
        watch->is_pumping = true;
        case_finish(engine, watch, filesystem_table_find_id(engine->filesystems, watch->filesystem_id));
        watch->is_pumping = false;
        (void) pump(engine, watch, 0);
}

void engine_on_gathered(void *userdata, uint64_t filesystem_id, uint64_t request_id, const WorkerGathered *answer,
                        int names_fd) {
        Engine *engine = userdata;
        Watch *watch = engine_watch_find(engine, filesystem_id);
        Filesystem *filesystem;

        if (!watch || watch->request_id != request_id)
                return;

        filesystem = filesystem_table_find_id(engine->filesystems, filesystem_id);
        if (answer) {
                engine_case_take_answer(engine, watch, filesystem, answer, names_fd);
                watch->gathered_monotonic_usec = clock_monotonic_usec();
        } else if (engine_worker_is_connected(engine) || engine->is_worker_given_up)
                forget_autofsck(filesystem, ETIMEDOUT);
        else {
                watch->request_id = 0; /* the case stays and is asked about again when a worker is back */
                return;
        }

        watch->request_id = 0;
        engine_case_go_on(engine, watch);
}

static void count_event(Engine *engine, Filesystem *filesystem, const HealthEvent *event) {
        uint64_t n_lost = event->kind == EVENT_EVENTS_LOST ? event->count : 0;
        uint64_t n_reports = event->kind == EVENT_EVENTS_LOST ? 1 : event->count;

        engine->totals.n_events++;
        engine->totals.n_reports += n_reports;
        engine->totals.n_lost += n_lost;
        engine->totals.last_event_realtime_usec = clock_realtime_usec();
        filesystem->totals.n_events++;
        filesystem->totals.n_reports += n_reports;
        filesystem->totals.n_lost += n_lost;
        filesystem->last_event_realtime_usec = engine->totals.last_event_realtime_usec;
}

/* @schedule: by which it is due; NULL: it just happened. False: it could not be kept. */
static bool take_new(Engine *engine, const HealthEvent *event, const char *schedule) {
        Watch *watch = engine_watch_find(engine, event->filesystem_id);
        Filesystem *filesystem = filesystem_table_find_id(engine->filesystems, event->filesystem_id);
        _cleanup_(free_at) char *by = schedule ? strdup(schedule) : NULL;
        Case *taken;

        if (!watch || !filesystem) {
                log_debug("an event of a file system that is gone: %s", event_kind_to_name(event->kind));
                record_ring_release(engine->ring, event->kept_as);
                return false;
        }

        if (!event->is_test)
                count_event(engine, filesystem, event);
        if (event->kind == EVENT_UNMOUNTED)
                watch->has_said_unmounted = true;

        taken = engine->n_cases < ENGINE_CASES_MAX && !by == !schedule ? calloc(1, sizeof(*taken)) : NULL;
        if (!taken) {
                if (engine->totals.n_dropped++ == 0)
                        log_error("events cannot be kept any more, they are only counted (EventsDropped)");
                record_ring_release(engine->ring, event->kept_as);
                return false;
        }

        taken->event = *event;
        taken->schedule = steal_ptr(by);
        taken->event.id = engine->next_event_id++;
        taken->path_state = event->inode != 0 ? FACT_UNKNOWN : FACT_ABSENT;
        taken->path_error = event->inode != 0 && !filesystem->facts.has_parent_pointers ? EOPNOTSUPP : 0;
        engine_survey_count(engine, event, true);
        STAILQ_INSERT_TAIL(&watch->cases, taken, entries);
        watch->n_cases++;
        engine->n_cases++;
        (void) pump(engine, watch, 0);
        return true;
}

void engine_take_event(Engine *engine, const HealthEvent *event) {
        (void) take_new(engine, event, NULL);
}

bool engine_take_made_up(Engine *engine, const HealthEvent *event) {
        return take_new(engine, event, NULL);
}

bool engine_take_scheduled(Engine *engine, const HealthEvent *event, const char *schedule) {
        return take_new(engine, event, schedule);
}

static void take_again(Engine *engine, Watch *watch, Case *taken) {
        engine_survey_count(engine, &taken->event, true);
        STAILQ_INSERT_TAIL(&watch->cases, taken, entries);
        watch->n_cases++;
        engine->n_cases++;
        (void) pump(engine, watch, 0);
}

void engine_take_look(Engine *engine, Watch *watch, const HealthEvent *event) {
        Case *taken = engine->n_cases < ENGINE_CASES_MAX ? calloc(1, sizeof(*taken)) : NULL;

        if (!taken) {
                engine->totals.n_dropped++;
                return;
        }
        taken->event = *event;
        taken->path_state = event->inode != 0 ? FACT_UNKNOWN : FACT_ABSENT;
        taken->is_look = true;
        take_again(engine, watch, taken);
}

void engine_take_deferred(Engine *engine, const Filesystem *filesystem, Deferred *deferred) {
        Watch *watch = engine_watch_find(engine, filesystem->id);
        Case *taken = watch && engine->n_cases < ENGINE_CASES_MAX ? calloc(1, sizeof(*taken)) : NULL;

        if (!taken) {
                engine->totals.n_dropped++;
                log_error("what waited for rule %s cannot be looked at again", deferred->rule_id);
                deferred_free(deferred);
                return;
        }
        taken->event = deferred->events[0].event;
        taken->event.filesystem_id = filesystem->id;
        taken->path_state = taken->event.inode != 0 ? FACT_UNKNOWN : FACT_ABSENT;
        taken->deferred = deferred;
        taken->is_sick = TRISTATE_UNKNOWN;
        take_again(engine, watch, taken);
}

void engine_on_merged_event(void *userdata, const HealthEvent *event) {
        engine_take_event(userdata, event);
}
