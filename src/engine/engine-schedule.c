/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the policy's schedules want done, and when. What is due walks through the pipeline as an event that is looked at
 * for its schedule alone, so that protection, property, limits and brake of that moment count; this file says when, and
 * keeps what came of it.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-id128.h>

#include "policy/policy-choose.h"
#include "src/basic/clock.h"
#include "src/basic/log.h"
#include "src/basic/text.h"
#include "src/engine/engine-internal.h"

/* A clock or a zone that was set, a mount that came: nobody says all of it. */
#define LOOK_AGAIN_USEC (10 * USEC_PER_MINUTE)
/* After one that did not come to its end. */
#define RETRY_USEC USEC_PER_HOUR
#define TRIES_MAX 3
/* What no schedule has spoken of for so long is of none that there is. */
#define FORGET_USEC (1000 * USEC_PER_DAY)
/* The machine may be about to shut down again, or to set its clock. */
#define SETTLE_USEC (2 * USEC_PER_SEC)

static EventFacts facts_of(Engine *engine, const Filesystem *filesystem) {
        return engine_facts(engine, NULL, filesystem);
}

/* The machine's own number, so that no two of a fleet do the same at the same time. */
static void read_machine_id(Engine *engine) {
        sd_id128_t id;

        if (engine->has_machine_id)
                return;
        engine->has_machine_id = true;
        if (sd_id128_get_machine(&id) >= 0)
                memcpy(engine->machine_id, &id, sizeof(engine->machine_id));
        else
                log_warning("this machine has no id: schedules are spread by their file systems alone");
}

uint64_t engine_spread_usec(Engine *engine, const uint8_t uuid[static UUID_SIZE], const char *id,
                            uint64_t spread_usec) {
        read_machine_id(engine);
        return schedule_offset_usec(spread_usec, engine->machine_id, uuid, id);
}

static ScheduleClock clock_of(Engine *engine, const ScheduleSource *schedule, const ScheduledCheck *check) {
        return (ScheduleClock) {
                .realtime_usec = clock_realtime_usec(),
                .boottime_usec = clock_boottime_usec(),
                .zone = engine->zone,
                .offset_usec = engine_spread_usec(engine, check->uuid, schedule->rule.id, schedule->spread_usec),
        };
}

static void keep(Engine *engine, const ScheduledCheck *check) {
        char key[SCHEDULE_KEY_SIZE], value[SCHEDULE_VALUE_SIZE];

        engine_state_put(engine, schedule_key(check->uuid, check->id, key), value,
                         schedule_value(&check->memory, value));
}

static ScheduledCheck *find(Engine *engine, const uint8_t uuid[static UUID_SIZE], const char *id) {
        ScheduledCheck *check;

        TAILQ_FOREACH(check, &engine->scheduled, entries)
                if (memcmp(check->uuid, uuid, UUID_SIZE) == 0 && text_equal(check->id, id))
                        return check;
        return NULL;
}

static ScheduledCheck *add(Engine *engine, const uint8_t uuid[static UUID_SIZE], const char *id) {
        ScheduledCheck *check = engine->n_scheduled < ENGINE_SCHEDULED_MAX ? calloc(1, sizeof(*check)) : NULL;

        if (!check)
                return NULL;
        memcpy(check->uuid, uuid, UUID_SIZE);
        (void) text_copy(check->id, sizeof(check->id), id);
        TAILQ_INSERT_TAIL(&engine->scheduled, check, entries);
        engine->n_scheduled++;
        return check;
}

static void forget(Engine *engine, ScheduledCheck *check) {
        TAILQ_REMOVE(&engine->scheduled, check, entries);
        engine->n_scheduled--;
        free(check);
}

/* What was due before anybody had heard of the schedule is not missed. */
static ScheduledCheck *find_or_add(Engine *engine, const Watch *watch, const ScheduleSource *schedule) {
        ScheduledCheck *check = find(engine, watch->kept_as, schedule->rule.id);

        if (check)
                return check;
        check = add(engine, watch->kept_as, schedule->rule.id);
        if (!check) {
                if (engine->totals.n_dropped++ == 0)
                        log_error("schedule %s: no more than %d can be kept in mind", schedule->rule.id,
                                  ENGINE_SCHEDULED_MAX);
                return NULL;
        }
        check->memory.handled_usec = clock_realtime_usec();
        keep(engine, check);
        return check;
}

/* Are schedules of any use to it now? What is kept of it has to be known, and no other type can be checked while it is
 * in use. */
static bool can_be_checked(const Engine *engine, const Watch *watch, const Filesystem *filesystem) {
        return text_equal(filesystem->facts.type, "xfs") && engine->is_state_loaded && watch->is_kept &&
               !watch->is_ending && !watch->awaits_facts && !filesystem->is_shut_down && filesystem->n_mounts > 0 &&
               !engine->options.replay_path;
}

/* By what is known without asking. What is due is decided on once more, with facts. */
static bool concerns(Engine *engine, const ScheduleSource *schedule, const Filesystem *filesystem) {
        const EventFacts facts = facts_of(engine, filesystem);
        MatchContext context;

        match_context_init(&context, &facts);
        return condition_match(&schedule->rule.match, &context, NULL) == VERDICT_YES;
}

static void note_handled(Engine *engine, const ScheduleSource *schedule, ScheduledCheck *check, bool has_ended) {
        const ScheduleClock clock = clock_of(engine, schedule, check);

        schedule_note_handled(&schedule->at, &check->memory, &clock, has_ended);
        check->not_before_boottime_usec = 0;
        check->is_noted = false;
        check->was_ahead = true;
        keep(engine, check);
}

/* Nobody was there when it came. @ret_due_usec: of the next one, if this one is left out. Returns whether it is. */
static bool skip_missed(Engine *engine, const ScheduleSource *schedule, ScheduledCheck *check,
                        const ScheduleClock *clock) {
        char number[CALENDAR_MOMENT_TEXT_SIZE];

        if (check->was_ahead)
                return false;
        check->was_ahead = true;
        /* One that was begun was not missed. */
        if (schedule->missed == SCHEDULE_MISSED_SKIP && check->memory.n_tries == 0) {
                note_handled(engine, schedule, check, false);
                return true;
        }
        /* After a power cut all machines come back at once. */
        check->not_before_boottime_usec = clock->boottime_usec + max_of(clock->offset_usec, (uint64_t) SETTLE_USEC);
        log_info("schedule %s: was due while nobody could do it, it is made up for after %s", schedule->rule.id,
                 calendar_moment_text(engine->zone, clock->realtime_usec + clock->offset_usec, number));
        return false;
}

static bool may_begin(Engine *engine, const ScheduleSource *schedule, ScheduledCheck *check,
                      const Filesystem *filesystem) {
        if (check->is_under_way || clock_boottime_usec() < check->not_before_boottime_usec)
                return false;
        if (engine_pause_of(engine, filesystem)) {
                if (!check->is_noted)
                        log_info("schedule %s: is due, and waits until the pause ends", schedule->rule.id);
                check->is_noted = true;
                return false;
        }
        if (!engine->is_on_battery)
                return true;
        if (!check->is_noted)
                log_info("schedule %s: is due, and waits until the machine is not on its battery",
                         schedule->rule.id);
        check->is_noted = true;
        return false;
}

/* Gives up what could not be brought to an end again and again. */
static bool has_tries_left(Engine *engine, const ScheduleSource *schedule, ScheduledCheck *check,
                           const Filesystem *filesystem) {
        char number[32];

        if (check->memory.n_tries < TRIES_MAX)
                return true;
        log_warning("%s: schedule %s: was begun %d times and never came to its end, the next time is what the calendar "
                    "says", filesystem_facts_subject(&filesystem->facts, number), schedule->rule.id, TRIES_MAX);
        note_handled(engine, schedule, check, false);
        return false;
}

static void begin(Engine *engine, Watch *watch, ScheduledCheck *check) {
        const HealthEvent event = {
                .source = EVENT_SOURCE_HEALERD,
                .filesystem_id = watch->filesystem_id,
                .kind = EVENT_CHECK_DUE,
                .domain = DOMAIN_MOUNT,
                .time_realtime_nsec = clock_realtime_usec() * NSEC_PER_USEC,
                .received_boottime_usec = clock_boottime_usec(),
                .count = 1,
        };

        check->is_under_way = true;
        check->memory.n_tries++;
        keep(engine, check);
        if (engine_take_scheduled(engine, &event, check->id))
                return;
        check->is_under_way = false;
        check->memory.n_tries--;
        check->not_before_boottime_usec = clock_boottime_usec() + LOOK_AGAIN_USEC;
}

typedef struct Look {
        uint64_t wake_realtime_usec, wake_boottime_usec;
        uint64_t next_usec;             /* of one file system, wall clock */
        const char *next_id;
        Watch *watch;                   /* what can begin now; NULL: nothing */
        ScheduledCheck *check;
} Look;

/* What others did instead. */
static uint64_t others_usec(const Filesystem *filesystem, const ScheduleSource *schedule) {
        return schedule->rule.steps[0].request.kind == ACTION_SCRUB ? filesystem->check.others_usec : 0;
}

static void look_at(Engine *engine, Watch *watch, const Filesystem *filesystem, const ScheduleSource *schedule,
                    Look *look) {
        uint64_t due_usec, others = others_usec(filesystem, schedule);
        ScheduledCheck *check = find_or_add(engine, watch, schedule);
        ScheduleClock clock;

        if (!check)
                return;
        clock = clock_of(engine, schedule, check);
        due_usec = schedule_due_usec(&schedule->at, &check->memory, &clock, others);
        if (due_usec <= clock.realtime_usec && !check->is_under_way && skip_missed(engine, schedule, check, &clock))
                due_usec = schedule_due_usec(&schedule->at, &check->memory, &clock, others);
        if (due_usec <= clock.realtime_usec && !check->is_under_way &&
            !has_tries_left(engine, schedule, check, filesystem))
                due_usec = schedule_due_usec(&schedule->at, &check->memory, &clock, others);
        if (due_usec < look->next_usec) {
                look->next_usec = due_usec;
                look->next_id = schedule->rule.id;
        }
        if (due_usec > clock.realtime_usec) {
                check->was_ahead = true;
                look->wake_realtime_usec = min_of(look->wake_realtime_usec, due_usec);
        } else if (may_begin(engine, schedule, check, filesystem)) {
                look->watch = watch;
                look->check = check;
        } else if (check->not_before_boottime_usec > clock.boottime_usec)
                look->wake_boottime_usec = min_of(look->wake_boottime_usec, check->not_before_boottime_usec);
}

static void look_at_all(Engine *engine, Look *look) {
        Watch *watch;

        *look = (Look) { .wake_realtime_usec = USEC_INFINITY, .wake_boottime_usec = USEC_INFINITY };
        TAILQ_FOREACH(watch, &engine->watches, entries) {
                Filesystem *filesystem = filesystem_table_find_id(engine->filesystems, watch->filesystem_id);

                engine_checked_correct(engine, watch, filesystem);
                look->next_usec = USEC_INFINITY;
                look->next_id = "";
                for (size_t i = 0; can_be_checked(engine, watch, filesystem) &&
                                   i < policy_n_schedules(engine->policy); i++) {
                        const ScheduleSource *schedule = policy_schedule_at(engine->policy, i);

                        if (concerns(engine, schedule, filesystem))
                                look_at(engine, watch, filesystem, schedule, look);
                }
                if (filesystem->next_check_usec == (look->next_usec == USEC_INFINITY ? 0 : look->next_usec) &&
                    text_equal(filesystem->next_check, look->next_id))
                        continue;
                filesystem->next_check_usec = look->next_usec == USEC_INFINITY ? 0 : look->next_usec;
                (void) text_copy(filesystem->next_check, sizeof(filesystem->next_check), look->next_id);
                engine_tell(engine, on_filesystem, filesystem);
        }
}

static void set_timer(sd_event_source *timer, uint64_t usec) {
        int r;

        if (usec == USEC_INFINITY) {
                (void) sd_event_source_set_enabled(timer, SD_EVENT_OFF);
                return;
        }
        r = sd_event_source_set_time(timer, usec);
        if (r >= 0)
                r = sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT);
        if (r < 0)
                log_error_errno(r, "schedules cannot be woken: %m");
}

/* Of what is begun others may hear and do what they like: the lists are walked anew after each. */
static void run(Engine *engine) {
        Look look;

        for (look_at_all(engine, &look); look.check; look_at_all(engine, &look))
                begin(engine, look.watch, look.check);
        if (policy_n_schedules(engine->policy) == 0)
                look.wake_boottime_usec = USEC_INFINITY;
        else
                look.wake_boottime_usec = min_of(look.wake_boottime_usec, clock_boottime_usec() + LOOK_AGAIN_USEC);
        set_timer(engine->schedule_wall_timer, look.wake_realtime_usec);
        set_timer(engine->schedule_timer, look.wake_boottime_usec);
}

static int on_timer(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *userdata) {
        run(userdata);
        return 0;
}

void engine_schedules_look(Engine *engine) {
        /* From the loop: who is in the middle of something calls this. */
        set_timer(engine->schedule_timer, 0);
}

int engine_schedules_start(Engine *engine) {
        int r;

        TAILQ_INIT(&engine->scheduled);
        TAILQ_INIT(&engine->checked);
        /* One notices a clock that is set ahead, the other one goes on whatever is done to it. */
        r = sd_event_add_time(engine->event, &engine->schedule_wall_timer, CLOCK_REALTIME, 0, USEC_PER_SEC, on_timer,
                              engine);
        if (r >= 0)
                r = sd_event_source_set_enabled(engine->schedule_wall_timer, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_add_time(engine->event, &engine->schedule_timer, CLOCK_BOOTTIME, 0, USEC_PER_SEC,
                                      on_timer, engine);
        if (r >= 0)
                r = sd_event_source_set_enabled(engine->schedule_timer, SD_EVENT_OFF);
        return r < 0 ? log_error_errno(r, "cannot make a timer for schedules: %m") : 0;
}

void engine_schedules_stop(Engine *engine) {
        ScheduledCheck *check;

        sd_event_source_disable_unref(engine->schedule_timer);
        sd_event_source_disable_unref(engine->schedule_wall_timer);
        while ((check = TAILQ_FIRST(&engine->scheduled)))
                forget(engine, check);
        engine_forget_checked(engine);
}

/* What an end means for what is due. */
typedef enum CheckEnd {
        CHECK_ENDED,                    /* everything that can be looked at was */
        CHECK_SETTLED,                  /* it was not, and a further try would end as this one did */
        CHECK_GONE,                     /* with its mount: at the next one */
        CHECK_LATER,                    /* it may not be begun now */
        CHECK_FAILED,
} CheckEnd;

static CheckEnd meaning_of(ScheduleEnd end) {
        static const struct {
                Outcome outcome;
                CheckEnd end;
        } rows[] = {
                { OUTCOME_DONE, CHECK_ENDED },
                { OUTCOME_FOUND_CORRUPTION, CHECK_ENDED },
                { OUTCOME_CANCELLED, CHECK_SETTLED },
                { OUTCOME_NOT_SUPPORTED, CHECK_SETTLED },
                { OUTCOME_UNMOUNTED, CHECK_GONE },
                { OUTCOME_SHUT_DOWN, CHECK_GONE },
        };

        if (!end.was_begun)
                return end.is_for_good ? CHECK_SETTLED : CHECK_LATER;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (rows[i].outcome == end.outcome)
                        return rows[i].end;
        return CHECK_FAILED;
}

static void uncount(Engine *engine, ScheduledCheck *check) {
        check->memory.n_tries -= check->memory.n_tries > 0;
        keep(engine, check);
}

void engine_schedule_on_end(Engine *engine, const uint8_t uuid[static UUID_SIZE], const char *id, ScheduleEnd end) {
        const ScheduleSource *schedule = policy_find_schedule(engine->policy, id);
        ScheduledCheck *check = find(engine, uuid, id);
        CheckEnd meaning = meaning_of(end);

        if (!check || !check->is_under_way)
                return;
        check->is_under_way = false;
        switch (meaning) {
        case CHECK_ENDED:
        case CHECK_SETTLED:
                if (schedule)
                        note_handled(engine, schedule, check, meaning == CHECK_ENDED);
                break;
        case CHECK_GONE:
                check->was_ahead = false;
                uncount(engine, check);
                break;
        case CHECK_LATER:
                uncount(engine, check);
                check->not_before_boottime_usec = clock_boottime_usec() + RETRY_USEC;
                break;
        case CHECK_FAILED:
                check->not_before_boottime_usec = clock_boottime_usec() + RETRY_USEC;
                break;
        }
        engine_schedules_look(engine);
}

void engine_schedule_on_decided(Engine *engine, uint64_t filesystem_id, const char *id) {
        const Watch *watch = engine_watch_find(engine, filesystem_id);

        /* Nothing of it is under way: it only observes, or the schedule is there no more. */
        if (watch && watch->is_kept && !engine_has_scheduled_sequence(engine, filesystem_id, id))
                engine_schedule_on_end(engine, watch->kept_as, id, (ScheduleEnd) { .is_for_good = true });
}

void engine_on_power(Engine *engine, const WorkerPower *told) {
        if (engine->is_on_battery == told->is_on_battery)
                return;
        engine->is_on_battery = told->is_on_battery;
        log_info("the machine runs on %s: what can wait %s", told->is_on_battery ? "its battery" : "mains power",
                 told->is_on_battery ? "is not begun" : "is begun again");
        engine_patrol_on_policy(engine);
        engine_verify_on_power(engine);
        engine_schedules_look(engine);
}

void engine_schedules_on_gone(Engine *engine, const Watch *watch) {
        ScheduledCheck *check;

        if (!watch->is_kept)
                return;
        TAILQ_FOREACH(check, &engine->scheduled, entries)
                if (memcmp(check->uuid, watch->kept_as, UUID_SIZE) == 0) {
                        check->is_under_way = false;
                        check->was_ahead = false;
                        check->not_before_boottime_usec = 0;
                }
}

int engine_adopt_schedule(Engine *engine, const char *key, const void *value, size_t size_bytes) {
        uint8_t uuid[UUID_SIZE];
        char id[RULE_ID_SIZE];
        ScheduledCheck *check;
        ScheduleMemory memory;
        int r;

        r = schedule_read(key, value, size_bytes, uuid, id, &memory);
        if (r < 0)
                return r;
        if (memory.handled_usec < clock_realtime_usec() - min_of(clock_realtime_usec(), (uint64_t) FORGET_USEC)) {
                engine_state_remove(engine, key);
                return 0;
        }
        if (find(engine, uuid, id))
                return 0;
        check = add(engine, uuid, id);
        if (!check)
                return -ENOSPC;
        check->memory = memory;
        return 0;
}
