/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Verification of the media: one job for the whole of it, which the worker does in turns of half a minute, each of them
 * a survey (engine-survey.c). How far it is survives this process, the worker, an unmount and the machine; whoever goes
 * on with it makes a new job for who asked for the old one.
 */

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "src/basic/clock.h"
#include "src/basic/log.h"
#include "src/basic/text.h"
#include "src/engine/engine-internal.h"

/* After a turn that failed, and after how many in a row it is given up. */
#define FAILED_USEC (10 * USEC_PER_SEC)
#define FAILED_MAX 3
/* After one that somebody more urgent ended. */
#define CANCELLED_USEC USEC_PER_SEC
/* What a read may take beyond the turn. */
#define READ_USEC (10 * USEC_PER_MINUTE)
/* How far it is is kept so often: what was read since then is read again. */
#define KEEP_USEC (5 * USEC_PER_SEC)
/* Until this was read there is no telling when it will end. */
#define ESTIMATE_AFTER_USEC (2 * USEC_PER_SEC)

static void keep(Engine *engine, Watch *watch, const Filesystem *filesystem) {
        char key[KEPT_KEY_SIZE], value[KEPT_LINE_SIZE];

        watch->verify.kept_usec = clock_monotonic_usec();
        if (watch->is_kept)
                engine_state_put(engine, verify_key(watch->kept_as, key), value,
                                 verify_value(&filesystem->verify, value));
}

static Job *job_of(Engine *engine, const Watch *watch) {
        return watch->verify.job_id != 0 ? job_queue_find(engine->jobs, watch->verify.job_id) : NULL;
}

/* When it ends, as fast as this job was so far; 0: not known. */
static uint64_t estimate(const Watch *watch, const Job *job) {
        uint64_t elapsed_usec = clock_monotonic_usec() - watch->verify.started_usec;
        uint64_t n_bytes = job->done_bytes - watch->verify.done_before;

        if (n_bytes == 0 || elapsed_usec < ESTIMATE_AFTER_USEC)
                return 0;
        return clock_realtime_usec() +
               (uint64_t) ((double) elapsed_usec * (double) (job->total_bytes - job->done_bytes) / (double) n_bytes);
}

static void tell_progress(Engine *engine, const Watch *watch, const Filesystem *filesystem) {
        const MediaCounts *counts = &filesystem->verify.counts;
        Job *job = job_of(engine, watch);

        if (!job)
                return;
        job->done_bytes = counts->n_bytes;
        job->total_bytes = counts->n_bytes + counts->n_bytes_left;
        job->estimated_end_realtime_usec = estimate(watch, job);
        engine_tell(engine, on_progress, job);
}

/* What nobody sits and waits for is not done while the machine runs on its battery. */
static void want_turn(Engine *engine, Watch *watch, const Filesystem *filesystem, uint64_t due_usec) {
        bool waits = engine->is_on_battery && filesystem->verify.source != DECISION_CALLER;

        engine_survey_want_turn(engine, watch, SURVEY_MEDIA, waits ? 0 : due_usec);
}

void engine_verify_on_power(Engine *engine) {
        Watch *watch;

        TAILQ_FOREACH(watch, &engine->watches, entries)
                if (watch->verify.job_id != 0)
                        want_turn(engine, watch, filesystem_table_find_id(engine->filesystems, watch->filesystem_id),
                                  clock_monotonic_usec());
}

static void begin(VerifyState *state, const Job *job) {
        *state = (VerifyState) {
                .is_wanted = true,
                .is_all = job->request.verify_space == VERIFY_SPACE_ALL,
                .timeout_usec = job->request.timeout_usec,
                .source = job->report.source,
                .caller_uid = job->report.caller_uid,
                .event_id = job->event.id,
                .began_realtime_usec = clock_realtime_usec(),
                .ended_realtime_usec = state->ended_realtime_usec,
                .clean_realtime_usec = state->clean_realtime_usec,
        };
        (void) text_copy(state->rule_id, sizeof(state->rule_id), job->report.rule_id);
}

int engine_verify_for_job(Engine *engine, const Job *job) {
        Filesystem *filesystem = filesystem_table_find_id(engine->filesystems, job->filesystem_id);
        Watch *watch = engine_watch_find(engine, job->filesystem_id);
        VerifyState *state;

        if (!engine->link || !watch || !filesystem)
                return -EOPNOTSUPP;
        state = &filesystem->verify;
        /* What an earlier job came to is not read again. */
        if (!state->is_wanted || state->is_all != (job->request.verify_space == VERIFY_SPACE_ALL))
                begin(state, job);
        state->rate_bytes = job->request.rate_bytes;
        watch->verify = (Verify) {
                .job_id = job->id,
                .before = state->counts,
                .done_before = state->counts.n_bytes,
                .started_usec = clock_monotonic_usec(),
        };
        keep(engine, watch, filesystem);
        tell_progress(engine, watch, filesystem);
        want_turn(engine, watch, filesystem, clock_monotonic_usec());
        return 0;
}

void engine_verify_ask(Watch *watch, Filesystem *filesystem, WorkerSurveyRequest *request) {
        const VerifyState *state = &filesystem->verify;

        watch->verify.before = state->counts;
        request->timeout_usec = READ_USEC;
        request->is_all = state->is_all;
        request->rate_bytes = state->rate_bytes;
        request->media = state->counts.position;
}

void engine_verify_take(Engine *engine, Watch *watch, Filesystem *filesystem, const WorkerSurveyResult *result) {
        const MediaCounts *before = &watch->verify.before, *turn = &result->media;
        MediaCounts *counts = &filesystem->verify.counts;

        /* What never began says nothing of where it is. */
        if (watch->verify.job_id == 0 || (result->busy_usec == 0 && result->error != 0))
                return;
        counts->position = turn->position;
        counts->n_bytes = before->n_bytes + turn->n_bytes;
        counts->n_bytes_left = turn->n_bytes_left;
        counts->n_bad = before->n_bad + turn->n_bad;
        counts->n_bad_bytes = before->n_bad_bytes + turn->n_bad_bytes;
        for (size_t i = 0; i < N_SPACE_OWNERS; i++)
                counts->n_bad_of[i] = before->n_bad_of[i] + turn->n_bad_of[i];
        /* What was found and not dealt with is found again by who comes after us. */
        if (watch->survey.n_open == 0 &&
            (clock_monotonic_usec() >= watch->verify.kept_usec + KEEP_USEC || result->is_last))
                keep(engine, watch, filesystem);
        tell_progress(engine, watch, filesystem);
}

/* "123 bytes read, what is used; 3 parts, 24576 bytes, cannot be read: 2 of contents of files, 1 of the log" */
static void describe(const VerifyState *state, char detail[static JOB_DETAIL_SIZE]) {
        const MediaCounts *counts = &state->counts;
        const char *separator = ": ";

        detail[0] = 0;
        (void) text_append_format(detail, JOB_DETAIL_SIZE, "%" PRIu64 " bytes read, %s", counts->n_bytes,
                                  state->is_all ? "all there is" : "what is used");
        if (counts->n_bad == 0)
                return;
        (void) text_append_format(detail, JOB_DETAIL_SIZE, "; %" PRIu64 " parts, %" PRIu64 " bytes, cannot be read",
                                  counts->n_bad, counts->n_bad_bytes);
        for (size_t i = 0; i < N_SPACE_OWNERS; i++) {
                if (counts->n_bad_of[i] == 0)
                        continue;
                (void) text_append_format(detail, JOB_DETAIL_SIZE, "%s%" PRIu64 " of %s", separator,
                                          counts->n_bad_of[i], space_owner_to_text((SpaceOwner) i));
                separator = ", ";
        }
}

static void end_job(Engine *engine, Watch *watch, const Filesystem *filesystem, Outcome outcome, int error) {
        WorkerJobResult result = {
                .job_id = watch->verify.job_id,
                .device_number = filesystem->facts.device_number,
                .outcome = (uint8_t) outcome,
                .error = error,
                .was_verified = outcome == OUTCOME_DONE,
                .duration_usec = clock_monotonic_usec() - watch->verify.started_usec,
        };

        describe(&filesystem->verify, result.detail);
        (void) job_queue_on_result(engine->jobs, &result);
}

/* What was there before, and was not told again, is well: everything was read. */
static void drop_healed(Engine *engine, Filesystem *filesystem) {
        const VerifyState *state = &filesystem->verify;

        /* A clean pass of what is used says nothing of a part that is free by now. */
        if (state->is_all && state->counts.n_bad == 0)
                engine_drop(engine, filesystem, CONDITION_MEDIA_ERROR, NULL);
}

static void end_pass(Engine *engine, Watch *watch, Filesystem *filesystem) {
        VerifyState *state = &filesystem->verify;
        bool is_clean = state->counts.n_bad == 0;

        state->is_wanted = false;
        state->ended_realtime_usec = clock_realtime_usec();
        if (is_clean) {
                state->clean_realtime_usec = state->ended_realtime_usec;
                filesystem_note_good(filesystem, state->clean_realtime_usec);
        }
        drop_healed(engine, filesystem);
        keep(engine, watch, filesystem);
        engine_tell(engine, on_filesystem, filesystem);
        end_job(engine, watch, filesystem, is_clean ? OUTCOME_DONE : OUTCOME_FOUND_CORRUPTION, 0);
}

static bool is_passing(int error) {
        return error == ESTALE || error == ECANCELED || error == EAGAIN;
}

void engine_verify_on_turn_ended(Engine *engine, Watch *watch, Filesystem *filesystem,
                                 const WorkerSurveyResult *result, Outcome outcome) {
        uint64_t now_usec = clock_monotonic_usec();
        char number[32];

        if (watch->verify.job_id == 0)
                return;
        if (result->error == 0)
                watch->verify.n_failed = 0;
        if (result->error == 0 && result->media.position.stage == MEDIA_STAGE_DONE) {
                end_pass(engine, watch, filesystem);
                return;
        }
        if (outcome == OUTCOME_NOT_SUPPORTED || outcome == OUTCOME_NO_PERMISSION ||
            (result->error != 0 && !is_passing(result->error) && ++watch->verify.n_failed >= FAILED_MAX)) {
                end_job(engine, watch, filesystem, outcome, result->error);
                return;
        }
        if (result->error != 0 && !is_passing(result->error) && outcome != OUTCOME_CANNOT_REOPEN)
                log_warning_errno(result->error, "%s: verification of the media: %m; it goes on in a while",
                                  filesystem_facts_subject(&filesystem->facts, number));
        want_turn(engine, watch, filesystem,
                  result->error == 0 ? now_usec
                  : is_passing(result->error) ? now_usec + CANCELLED_USEC : now_usec + FAILED_USEC);
}

int engine_verify_cancel_job(Engine *engine, const Job *job) {
        Watch *watch = engine_watch_find(engine, job->filesystem_id);
        const Filesystem *filesystem = filesystem_table_find_id(engine->filesystems, job->filesystem_id);

        if (!watch || !filesystem || watch->verify.job_id != job->id)
                return -ENOENT;
        end_job(engine, watch, filesystem, OUTCOME_CANCELLED, 0);
        return 0;
}

/* The file system may come back, and then it goes on; whoever ended it otherwise meant it. */
static bool goes_on(Outcome outcome) {
        return outcome == OUTCOME_UNMOUNTED || outcome == OUTCOME_SHUT_DOWN || outcome == OUTCOME_WORKER_LOST;
}

void engine_verify_on_job_ended(Engine *engine, const Job *job) {
        Watch *watch = engine_watch_find(engine, job->filesystem_id);
        Filesystem *filesystem = filesystem_table_find_id(engine->filesystems, job->filesystem_id);

        if (!watch || !filesystem || watch->verify.job_id != job->id)
                return;
        watch->verify.job_id = 0;
        engine_survey_want_turn(engine, watch, SURVEY_MEDIA, 0);
        if (!goes_on(job->report.outcome))
                filesystem->verify.is_wanted = false;
        keep(engine, watch, filesystem);
}

/* What was kept */

int engine_adopt_verify(Engine *engine, const char *key, const void *value, size_t size_bytes) {
        uint8_t uuid[UUID_SIZE];
        WaitingTurns *waiting;
        VerifyState state;
        int r;

        r = verify_read(key, value, size_bytes, uuid, &state);
        if (r >= 0)
                r = engine_waiting_get(engine, uuid, &waiting);
        if (r < 0)
                return r;
        waiting->verify = state;
        waiting->has_verify = true;
        return 0;
}

/* For who asked for it, if that is still allowed. */
static void go_on(Engine *engine, Filesystem *filesystem) {
        VerifyState *state = &filesystem->verify;
        const ActionRequest request = {
                .kind = ACTION_VERIFY_MEDIA,
                .timeout_usec = state->timeout_usec,
                .verify_space = state->is_all ? VERIFY_SPACE_ALL : VERIFY_SPACE_USED,
                .rate_bytes = state->rate_bytes,
        };
        const HealthEvent event = {
                .id = state->event_id,
                .filesystem_id = filesystem->id,
                .kind = EVENT_SICK,
                .domain = DOMAIN_MOUNT,
                .count = 1,
        };
        const EventFacts facts = engine_facts(engine, NULL, filesystem);
        const JobOrder order = {
                .filesystem = filesystem,
                .request = &request,
                .event = &event,
                .source = state->source,
                .rule_id = state->rule_id,
                .caller_uid = state->caller_uid,
        };
        _cleanup_(free_at) char *denied_by = NULL;
        char number[32];
        Job *job;
        int r;

        r = policy_check_call(engine->policy, &facts, ACTION_VERIFY_MEDIA, &denied_by);
        if (r >= 0)
                r = denied_by ? -EACCES : job_queue_add(engine->jobs, &order, &job);
        if (r >= 0)
                return;
        state->is_wanted = false;
        log_warning_errno(r, "%s: the verification of the media does not go on: %m",
                          filesystem_facts_subject(&filesystem->facts, number));
}

void engine_verify_identify(Engine *engine, Watch *watch, Filesystem *filesystem) {
        WaitingTurns *waiting = watch->is_kept ? engine_waiting_find(engine, watch->kept_as) : NULL;
        VerifyState *state = &filesystem->verify;

        if (!waiting || !waiting->has_verify)
                return;
        /* One that was begun meanwhile is the newer one. */
        if (state->began_realtime_usec == 0)
                *state = waiting->verify;
        state->ended_realtime_usec = max_of(state->ended_realtime_usec, waiting->verify.ended_realtime_usec);
        state->clean_realtime_usec = max_of(state->clean_realtime_usec, waiting->verify.clean_realtime_usec);
        filesystem_note_good(filesystem, state->clean_realtime_usec);
        waiting->has_verify = false;
        engine_waiting_taken(engine, waiting);
        if (state->is_wanted && watch->verify.job_id == 0)
                go_on(engine, filesystem);
}

void engine_verifies_loaded(Engine *engine) {
        Watch *watch;

        TAILQ_FOREACH(watch, &engine->watches, entries)
                engine_verify_identify(engine, watch,
                                       filesystem_table_find_id(engine->filesystems, watch->filesystem_id));
}

void engine_verify_unmounted(Engine *engine, const Watch *watch, const Filesystem *filesystem) {
        WaitingTurns *waiting;

        if (!watch->is_kept || filesystem->verify.began_realtime_usec == 0 ||
            engine_waiting_get(engine, watch->kept_as, &waiting) < 0)
                return;
        waiting->verify = filesystem->verify;
        waiting->has_verify = true;
}
