/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When the kernel is asked what it knows to be sick: once after a monitor was opened, after reports were lost, and when
 * a policy says so. What comes back walks through the pipeline as events, except for what is known and being dealt with
 * already.
 *
 * A file system has at most one survey at a time.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "src/basic/clock.h"
#include "src/basic/log.h"
#include "src/basic/text.h"
#include "src/engine/engine-internal.h"
#include "src/source/survey-source.h"

/* File systems that are asked at the same time; the others wait. A patrol can wait longest. */
#define SURVEYS_MAX 4
#define PATROLS_MAX 2
/* Beside those: they wait for disks. The queue has no more of them under way. */
#define VERIFIES_MAX JOB_PARALLEL_DEFAULT
/* Somebody may be about to unmount again. */
#define AFTER_ATTACH_USEC USEC_PER_SEC
/* The worker knows since when it is mounted, and may say that it is too early. */
#define ASK_LATER_USEC (2 * USEC_PER_SEC)
/* While reports go on being lost, asking again at once would tell what the last answer told. */
#define AFTER_LOSS_AGAIN_USEC USEC_PER_MINUTE
/* A repair comes first: asking takes the processor from it, and may ask for just what it holds. Not for ever, because
 * one repair may follow another. */
#define AFTER_REPAIR_MAX_USEC (10 * USEC_PER_SEC)
/* What a rebuild stumbled over, or doubts, the kernel remembers: asked for when the repairs that it led to had the time
 * to begin, and after many repairs once. */
#define AFTER_REPAIR_USEC (5 * USEC_PER_SEC)
#define AFTER_REPAIR_AGAIN_USEC USEC_PER_MINUTE
#define GROUPS_TIMEOUT_USEC (10 * USEC_PER_MINUTE)
/* The worker ends it at its timeout and has 4 s to see whether it dies; only then the silence is its own. */
#define WORKER_GRACE_USEC (15 * USEC_PER_SEC)

static void pump(Engine *engine);
static void cancel(Engine *engine, uint64_t request_id);

static Watch *find_request(Engine *engine, uint64_t request_id) {
        Watch *watch;

        TAILQ_FOREACH(watch, &engine->watches, entries)
                if (watch->survey.request_id == request_id)
                        return watch;
        return NULL;
}

static int on_timer(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *userdata) {
        pump(userdata);
        return 0;
}

/* When this depth is to be asked for; USEC_INFINITY: it is not wanted. */
static uint64_t begin_usec(const Engine *engine, const Watch *watch, SurveyDepth depth) {
        uint64_t due_usec = watch->survey.due_usec[depth];

        if (due_usec == 0)
                return USEC_INFINITY;
        return due_usec + (job_queue_is_repairing(engine->jobs, watch->filesystem_id) ? AFTER_REPAIR_MAX_USEC : 0);
}

typedef struct Running {
        unsigned n_all, n_patrols, n_verifies;
} Running;

static void count(Running *running, const Watch *watch) {
        running->n_all += watch->survey.request_id != 0 && watch->survey.running != SURVEY_MEDIA;
        running->n_patrols += watch->survey.running == SURVEY_PATROL;
        running->n_verifies += watch->survey.running == SURVEY_MEDIA;
}

static Running count_running(const Engine *engine) {
        const Watch *watch;
        Running running = {};

        TAILQ_FOREACH(watch, &engine->watches, entries)
                count(&running, watch);
        return running;
}

static bool has_room(const Running *running, SurveyDepth depth) {
        if (depth == SURVEY_MEDIA)
                return running->n_verifies < VERIFIES_MAX;
        return running->n_all < SURVEYS_MAX && (depth != SURVEY_PATROL || running->n_patrols < PATROLS_MAX);
}

/* The depth that is to be asked for at @now, what cannot wait first; SURVEY_NONE: not yet. */
static SurveyDepth due_depth(const Engine *engine, const Watch *watch, const Running *running, uint64_t now) {
        static const SurveyDepth order[] = { SURVEY_INODES, SURVEY_GROUPS }, turns[] = { SURVEY_MEDIA, SURVEY_PATROL };
        SurveyDepth next = SURVEY_NONE;

        for (size_t i = 0; i < ELEMENTSOF(order); i++)
                if (has_room(running, order[i]) && begin_usec(engine, watch, order[i]) <= now)
                        return order[i];
        /* The one that waits longer. */
        for (size_t i = 0; i < ELEMENTSOF(turns); i++)
                if (has_room(running, turns[i]) && begin_usec(engine, watch, turns[i]) <= now &&
                    (next == SURVEY_NONE || watch->survey.due_usec[turns[i]] < watch->survey.due_usec[next]))
                        next = turns[i];
        return next;
}

static bool is_turn(SurveyDepth depth) {
        return depth == SURVEY_PATROL || depth == SURVEY_MEDIA;
}

/* A patrol or a verification can go on later. */
static void give_way(Engine *engine, Watch *watch) {
        Survey *survey = &watch->survey;

        if (!is_turn(survey->running) || survey->is_giving_way)
                return;
        survey->is_giving_way = true;
        cancel(engine, survey->request_id);
}

/* Not before what is more urgent may begin: what a turn has not told yet is lost with it. */
static uint64_t give_way_usec(const Engine *engine, const Watch *watch) {
        if (!is_turn(watch->survey.running) || watch->survey.is_giving_way)
                return USEC_INFINITY;

        return min_of(begin_usec(engine, watch, SURVEY_GROUPS), begin_usec(engine, watch, SURVEY_INODES));
}

static void timer_arm(Engine *engine) {
        const Running running = count_running(engine);
        uint64_t next = USEC_INFINITY;
        const Watch *watch;
        int r;

        engine->survey_timer = sd_event_source_disable_unref(engine->survey_timer);
        TAILQ_FOREACH(watch, &engine->watches, entries) {
                if (watch->survey.request_id != 0) {
                        next = min_of(next, watch->survey.deadline_usec);
                        next = min_of(next, give_way_usec(engine, watch));
                        continue;
                }
                for (SurveyDepth depth = SURVEY_GROUPS; depth < N_SURVEY_DEPTHS; depth++)
                        if (engine_worker_is_connected(engine) && has_room(&running, depth))
                                next = min_of(next, begin_usec(engine, watch, depth));
        }
        if (next == USEC_INFINITY)
                return;

        r = sd_event_add_time(engine->event, &engine->survey_timer, CLOCK_MONOTONIC, next, 50 * USEC_PER_MSEC, on_timer,
                              engine);
        /* What was reported at the same time may be a reason to wait. */
        if (r >= 0)
                r = sd_event_source_set_priority(engine->survey_timer, SD_EVENT_PRIORITY_IDLE);
        if (r < 0)
                log_error_errno(r, "surveys: cannot set a timer, what is sick already may not be found: %m");
}

/* Outlives us: the healerd that comes after one that was killed in the middle asks again. */
static void note_due(Engine *engine, const Watch *watch, SurveyDepth depth) {
        RingMonitor *account = watch->source && engine->ring ? monitor_source_account(watch->source) : NULL;

        if (account && (depth == SURVEY_NONE || account->survey_due < (uint64_t) depth))
                record_ring_set_survey_due(account, depth);
}

static void note_if_finished(Engine *engine, const Watch *watch) {
        const Survey *survey = &watch->survey;

        if (survey->n_open == 0 && survey->request_id == 0 && survey->due_usec[SURVEY_GROUPS] == 0 &&
            survey->due_usec[SURVEY_INODES] == 0)
                note_due(engine, watch, SURVEY_NONE);
}

static void want(Engine *engine, Watch *watch, SurveyDepth depth, uint64_t due_usec) {
        uint64_t *due = watch->survey.due_usec + depth;

        if (!engine->link)
                return;
        /* One that is going on does not know what came after it had looked there: it is asked again. */
        *due = *due == 0 ? due_usec : min_of(*due, due_usec);
        note_due(engine, watch, depth);
        timer_arm(engine);
}

void engine_survey_want_turn(Engine *engine, Watch *watch, SurveyDepth depth, uint64_t due_usec) {
        uint64_t *due = watch->survey.due_usec + depth;

        if (!engine->link)
                return;
        if (watch->survey.running == depth) {
                /* Its end asks for the next one. */
                if (due_usec == 0)
                        give_way(engine, watch);
                return;
        }
        if (*due == due_usec)
                return;
        *due = due_usec;
        timer_arm(engine);
}

/* An answer for the job that waits for this survey, if there is one. */
static void tell_job(Engine *engine, Watch *watch, const WorkerSurveyResult *counts, Outcome outcome, int error) {
        WorkerJobResult result = {
                .job_id = watch->survey.job_id,
                .outcome = (uint8_t) outcome,
                .error = error,
                .duration_usec = clock_monotonic_usec() - watch->survey.started_usec,
        };

        if (watch->survey.job_id == 0)
                return;
        watch->survey.job_id = 0;
        if (counts) {
                (void) text_append_format(result.detail, sizeof(result.detail),
                                          "looked at %" PRIu32 " groups and %" PRIu64 " inodes, %" PRIu64
                                          " sick structures, "
                                          "%" PRIu64 " of them known before",
                                          counts->n_groups, counts->n_inodes, watch->survey.n_found,
                                          watch->survey.n_known);
                if (counts->n_unreadable > 0)
                        (void) text_append_format(result.detail, sizeof(result.detail),
                                                  "; %" PRIu64 " groups or inodes could not be looked at",
                                                  counts->n_unreadable);
                if (counts->n_untold > 0)
                        (void) text_append_format(result.detail, sizeof(result.detail),
                                                  "; %" PRIu64 " more are not told", counts->n_untold);
        }
        job_queue_on_result(engine->jobs, &result);
}

#define LOOKED_MESSAGE \
        "reports of the kernel were lost; what it remembers to be sick was looked up since, " \
        "only a full check can tell the rest"

/* The condition stays: what was lost may have been about file contents or devices, which nobody remembers. */
static void note_looked(Engine *engine, Filesystem *filesystem) {
        const HealthCondition *condition = condition_find(&filesystem->conditions, CONDITION_EVENTS_LOST, "");

        if (condition)
                engine_raise(engine, filesystem, CONDITION_EVENTS_LOST, condition->severity, "", LOOKED_MESSAGE,
                             condition->event_id);
}

static void end(Engine *engine, Watch *watch, Filesystem *filesystem, const WorkerSurveyResult *result) {
        Survey *survey = &watch->survey;
        SurveyDepth depth = survey->running;
        Outcome outcome = engine_survey_outcome(result);

        survey->request_id = 0;
        survey->running = SURVEY_NONE;
        if (is_turn(depth)) {
                if (result->error == EAGAIN && depth == SURVEY_PATROL)
                        engine_survey_want_turn(engine, watch, depth, clock_monotonic_usec() + ASK_LATER_USEC);
                else if (depth == SURVEY_PATROL)
                        engine_patrol_on_turn_ended(engine, watch, filesystem, result, survey->started_usec);
                else
                        engine_verify_on_turn_ended(engine, watch, filesystem, result, outcome);
                return;
        }
        if (result->error == EAGAIN) {
                survey->wanted_job_id = survey->wanted_job_id ?: survey->job_id;
                survey->job_id = 0;
                want(engine, watch, depth, clock_monotonic_usec() + ASK_LATER_USEC);
                return;
        }

        engine_survey_log_end(watch, filesystem, result);
        if (depth == SURVEY_INODES) {
                survey->ended_usec = clock_monotonic_usec();
                /* It has looked at the groups as well. */
                if (outcome == OUTCOME_DONE && survey->due_usec[SURVEY_GROUPS] <= survey->started_usec)
                        survey->due_usec[SURVEY_GROUPS] = 0;
                if (outcome == OUTCOME_DONE)
                        note_looked(engine, filesystem);
        }
        tell_job(engine, watch, result, outcome, result->error);
        survey->n_found = survey->n_known = 0;
        survey->any_ended_usec = clock_monotonic_usec();
        survey->any_was_complete = outcome == OUTCOME_DONE;
        note_if_finished(engine, watch);
        engine_looks_on_surveyed(engine, watch);
}

static void ask(Engine *engine, Watch *watch, Filesystem *filesystem, SurveyDepth depth) {
        uint64_t now = clock_monotonic_usec();
        uint64_t timeout_usec = depth == SURVEY_INODES ? JOB_SURVEY_TIMEOUT_USEC : GROUPS_TIMEOUT_USEC;
        Survey *survey = &watch->survey;
        WorkerMessage message;
        int r;

        worker_message_init(&message, WORKER_SURVEY);
        message.survey.request_id = ++engine->last_survey_id;
        message.survey.device_number = filesystem->facts.device_number;
        message.survey.timeout_usec = timeout_usec;
        message.survey.depth = (uint8_t) depth;
        if (depth == SURVEY_PATROL)
                engine_patrol_ask(engine, watch, filesystem, &message.survey);
        else if (depth == SURVEY_MEDIA)
                engine_verify_ask(watch, filesystem, &message.survey);
        timeout_usec = message.survey.timeout_usec;
        r = worker_link_send(engine->link, &message, filesystem->monitor_fd);
        if (r < 0) {
                /* The line broke: it stays wanted, and the next worker is asked. */
                survey->due_usec[depth] = now + ASK_LATER_USEC;
                return;
        }

        survey->request_id = message.survey.request_id;
        survey->running = depth;
        survey->is_giving_way = false;
        survey->due_usec[depth] = 0;
        survey->started_usec = now;
        survey->started_boottime_usec = clock_boottime_usec();
        survey->deadline_usec = now + timeout_usec + WORKER_GRACE_USEC;
        if (depth == SURVEY_INODES) {
                survey->job_id = survey->wanted_job_id;
                survey->wanted_job_id = 0;
        }
}

static void end_overdue(Engine *engine, uint64_t now) {
        static const WorkerSurveyResult overdue = { .is_last = true, .error = ETIMEDOUT };
        Watch *watch;

        TAILQ_FOREACH(watch, &engine->watches, entries)
                if (watch->survey.request_id != 0 && watch->survey.deadline_usec <= now)
                        end(engine, watch, filesystem_table_find_id(engine->filesystems, watch->filesystem_id),
                            &overdue);
}

static void pump(Engine *engine) {
        uint64_t now = clock_monotonic_usec();
        Running running;
        Watch *watch;

        end_overdue(engine, now);
        running = count_running(engine);
        TAILQ_FOREACH(watch, &engine->watches, entries) {
                SurveyDepth depth = due_depth(engine, watch, &running, now);

                if (!engine_worker_is_connected(engine))
                        break;
                if (give_way_usec(engine, watch) <= now)
                        give_way(engine, watch);
                if (depth == SURVEY_NONE || watch->survey.request_id != 0)
                        continue;
                ask(engine, watch, filesystem_table_find_id(engine->filesystems, watch->filesystem_id), depth);
                count(&running, watch);
        }
        timer_arm(engine);
}

void engine_survey_on_attached(Engine *engine, Watch *watch) {
        want(engine, watch, SURVEY_GROUPS, clock_monotonic_usec() + AFTER_ATTACH_USEC);
}

void engine_survey_on_adopted(Engine *engine, Watch *watch) {
        uint64_t depth = monitor_source_account(watch->source)->survey_due;
        uint64_t due_usec = clock_monotonic_usec() + AFTER_ATTACH_USEC;

        /* It is mounted long enough. */
        watch->may_look = true;
        if (depth >= SURVEY_GROUPS)
                want(engine, watch, SURVEY_GROUPS, due_usec);
        if (depth >= SURVEY_INODES)
                want(engine, watch, SURVEY_INODES, due_usec);
}

void engine_survey_count(Engine *engine, const HealthEvent *event, bool is_begun) {
        Watch *watch = event->source == EVENT_SOURCE_SURVEY ? engine_watch_find(engine, event->filesystem_id) : NULL;

        if (!watch || watch->is_ending)
                return;
        if (is_begun) {
                watch->survey.n_open++;
                return;
        }
        watch->survey.n_open--;
        note_if_finished(engine, watch);
}

void engine_survey_on_event(Engine *engine, Filesystem *filesystem, const HealthEvent *event) {
        Watch *watch = engine_watch_find(engine, filesystem->id);
        uint64_t now = clock_monotonic_usec();

        if (!watch || watch->is_ending)
                return;
        /* It answers nothing any more; the queue has ended the job. */
        if (filesystem->is_shut_down) {
                engine_survey_end_watch(engine, watch);
                return;
        }
        engine_patrol_on_event(watch, filesystem, event);
        if (event->kind != EVENT_EVENTS_LOST || event->source != EVENT_SOURCE_HEALTHMON)
                return;
        if (watch->survey.ended_usec != 0)
                now = max_of(now, watch->survey.ended_usec + AFTER_LOSS_AGAIN_USEC);
        /* The groups go first where it is too early for the inodes. */
        want(engine, watch, SURVEY_GROUPS, now);
        want(engine, watch, SURVEY_INODES, now);
}

/* The one that is going on began after what the job is about had happened: the loss that both answer. */
static bool sees_cause(const Survey *survey, const Job *job) {
        return survey->request_id != 0 && survey->running == SURVEY_INODES && survey->job_id == 0 &&
               job->event.received_boottime_usec != 0 &&
               job->event.received_boottime_usec <= survey->started_boottime_usec;
}

int engine_survey_for_job(Engine *engine, const Job *job, const Filesystem *filesystem) {
        Watch *watch = engine_watch_find(engine, filesystem->id);

        if (!engine->link || !watch)
                return -EOPNOTSUPP;
        if (sees_cause(&watch->survey, job)) {
                watch->survey.job_id = job->id;
                return 0;
        }
        watch->survey.wanted_job_id = job->id;
        want(engine, watch, SURVEY_INODES, clock_monotonic_usec());
        return 0;
}

static void cancel(Engine *engine, uint64_t request_id) {
        WorkerMessage message;

        if (request_id == 0 || !engine_worker_is_connected(engine))
                return;
        worker_message_init(&message, WORKER_SURVEY_CANCEL);
        message.survey_cancel.request_id = request_id;
        /* A line that breaks here takes the survey along. */
        (void) worker_link_send(engine->link, &message, -EBADF);
}

int engine_survey_cancel_job(Engine *engine, const Job *job) {
        Watch *watch = engine_watch_find(engine, job->filesystem_id);

        if (!watch)
                return -ENOENT;
        if (watch->survey.job_id == job->id) {
                cancel(engine, watch->survey.request_id);
                return 0;
        }
        if (watch->survey.wanted_job_id != job->id)
                return -ENOENT;
        /* It had not begun. */
        watch->survey.due_usec[SURVEY_INODES] = 0;
        watch->survey.started_usec = clock_monotonic_usec();
        watch->survey.job_id = job->id;
        watch->survey.wanted_job_id = 0;
        tell_job(engine, watch, NULL, OUTCOME_CANCELLED, 0);
        timer_arm(engine);
        return 0;
}

void engine_survey_end_watch(Engine *engine, Watch *watch) {
        /* The queue ends the job. */
        cancel(engine, watch->survey.request_id);
        watch->survey = (Survey) { .n_open = watch->survey.n_open };
        timer_arm(engine);
}

void engine_survey_on_repair_ended(Engine *engine) {
        timer_arm(engine);
}

void engine_survey_after_repair(Engine *engine, const Job *job) {
        Watch *watch = engine_watch_find(engine, job->filesystem_id);
        uint64_t due_usec = clock_monotonic_usec() + AFTER_REPAIR_USEC;

        if (!watch || !watch->source || watch->is_ending || !outcome_has_changed(job->report.outcome))
                return;
        if (watch->survey.any_ended_usec != 0)
                due_usec = max_of(due_usec, watch->survey.any_ended_usec + AFTER_REPAIR_AGAIN_USEC);
        want(engine, watch, SURVEY_GROUPS, due_usec);
}

void engine_survey_on_worker_ready(Engine *engine) {
        timer_arm(engine);
}

void engine_survey_on_worker_lost(Engine *engine) {
        Watch *watch;

        TAILQ_FOREACH(watch, &engine->watches, entries) {
                Survey *survey = &watch->survey;

                /* The queue ends its job, and asks anew if it is one that may be tried again. */
                survey->job_id = survey->wanted_job_id = 0;
                if (survey->request_id == 0)
                        continue;
                survey->request_id = 0;
                survey->due_usec[survey->running] = clock_monotonic_usec();
                survey->running = SURVEY_NONE;
                survey->n_found = survey->n_known = 0;
        }
        timer_arm(engine);
}

static bool tells_the_same(const HealthEvent *known, const HealthEvent *found) {
        return (known->kind == EVENT_SICK || known->kind == EVENT_CORRUPT) && known->domain == found->domain &&
               known->structure == found->structure && known->unknown_bits == found->unknown_bits &&
               known->group == found->group && known->inode == found->inode && known->generation == found->generation;
}

typedef struct Taking {
        Engine *engine;
        Watch *watch;
        const Filesystem *filesystem;
} Taking;

/* Told already in this run, and not healthy since: it is being repaired, or it was found that it cannot be. */
static bool is_known(const Taking *taking, const HealthEvent *event) {
        const HealthCondition *condition;
        char target[EVENT_TEXT_SIZE];
        const Case *waiting;

        condition = condition_find(&taking->filesystem->conditions, CONDITION_SICK,
                                   health_event_target_text(event, target));
        /* What the kernel found good, or repaired, may be what it knows by heart. */
        if (condition && !condition->came_back && !health_event_is_unreadable(event))
                return true;
        STAILQ_FOREACH(waiting, &taking->watch->cases, entries)
                if (tells_the_same(&waiting->event, event) &&
                    health_event_is_unreadable(&waiting->event) >= health_event_is_unreadable(event))
                        return true;
        return false;
}

static void take_found(void *userdata, const HealthEvent *event) {
        const Taking *taking = userdata;

        taking->watch->survey.n_found++;
        if (is_known(taking, event))
                taking->watch->survey.n_known++;
        else
                engine_take_event(taking->engine, event);
}

void engine_on_survey_result(Engine *engine, const WorkerSurveyResult *result) {
        Filesystem *filesystem = filesystem_table_find_device(engine->filesystems, (dev_t) result->device_number);
        Taking taking = { .engine = engine, .filesystem = filesystem };
        const EventSink sink = { .on_event = take_found, .userdata = &taking };

        /* What an attachment saw is about the file system that was told just before. */
        taking.watch = result->request_id != 0 ? find_request(engine, result->request_id)
                                               : filesystem ? engine_watch_find(engine, filesystem->id) : NULL;
        if (!filesystem || !taking.watch || taking.watch->filesystem_id != filesystem->id) {
                log_debug("surveys: an answer comes too late or was never asked for");
                return;
        }

        (void) survey_source_take(result, filesystem->id, &sink);
        if (result->request_id != 0 && taking.watch->survey.running == SURVEY_PATROL)
                engine_patrol_take(taking.watch, filesystem, result);
        if (result->request_id != 0 && taking.watch->survey.running == SURVEY_MEDIA)
                engine_verify_take(engine, taking.watch, filesystem, result);
        if (!result->is_last || result->request_id == 0)
                return;
        end(engine, taking.watch, filesystem, result);
        pump(engine);
}
