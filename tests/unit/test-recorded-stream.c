/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an engine decided, written down as the history does it, and simulated: the same policy decides the same about
 * the same events, one after the other.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "policy/event-example-write.h"
#include "policy/policy-explain.h"
#include "policy/policy-stream.h"
#include "src/basic/text.h"
#include "tests/unit/engine-fixture.h"

#define RECORDED_MAX 32
#define TEXTS_SIZE 2048

typedef struct Recorded {
        uint64_t event_id;
        char document[EXAMPLE_TEXT_SIZE];
        char decisions[TEXTS_SIZE];     /* a line each */
        char outcomes[256];             /* "done, still-corrupt" */
} Recorded;

static Recorded recorded[RECORDED_MAX];
static size_t n_recorded;

static Recorded *find(uint64_t event_id) {
        for (size_t i = 0; i < n_recorded; i++)
                if (recorded[i].event_id == event_id)
                        return recorded + i;
        fail_msg("nothing was told of event %" PRIu64, event_id);
        return NULL;
}

static void append_decision(const Decision *decision, char texts[static TEXTS_SIZE]) {
        _cleanup_(free_at) char *text = policy_decision_text(decision);

        assert_non_null(text);
        assert_int_equal(text_append_format(texts, TEXTS_SIZE, "%s\n", text), 0);
}

static void on_event(_unused_ void *userdata, const HealthEvent *event, _unused_ const Filesystem *filesystem,
                     _unused_ const char *path, const EventFacts *facts) {
        assert_true(n_recorded < RECORDED_MAX);
        recorded[n_recorded] = (Recorded) { .event_id = event->id };
        (void) event_example_write(facts, recorded[n_recorded++].document);
}

static void on_decision(_unused_ void *userdata, const Decision *decision, const HealthEvent *event,
                        _unused_ const Filesystem *filesystem) {
        append_decision(decision, find(event->id)->decisions);
}

static void on_job(_unused_ void *userdata, Job *job, _unused_ const Filesystem *filesystem) {
        char *outcomes = find(job->event.id)->outcomes;

        if (job->state == JOB_ENDED)
                assert_int_equal(text_append_format(outcomes, sizeof(recorded[0].outcomes), "%s%s",
                                                    outcomes[0] ? ", " : "", outcome_to_name(job->report.outcome)), 0);
}

static void watch(Setup *s) {
        const EngineObserver observer = { .on_event = on_event, .on_decision = on_decision, .on_job = on_job };

        n_recorded = 0;
        assert_int_equal(engine_add_observer(s->engine, &observer), 0);
}

static int setup(void **state) {
        return engine_fixture_setup_with(state, watch);
}

/* As `healerctl events --export` prints it. */
static char *stream_text(void) {
        _cleanup_(free_at) char *text = NULL;
        size_t length;
        FILE *stream = open_memstream(&text, &length);

        assert_non_null(stream);
        for (size_t i = 0; i < n_recorded; i++)
                fprintf(stream, "- {name: '#%" PRIu64 "', %s%s%s%s\n", recorded[i].event_id,
                        recorded[i].outcomes[0] ? "outcomes: [" : "", recorded[i].outcomes,
                        recorded[i].outcomes[0] ? "], " : "", recorded[i].document + 1);
        assert_int_equal(fclose(stream), 0);
        return steal_ptr(text);
}

static void simulate_one(PolicyStream *stream, const YamlNode *node, const Recorded *then) {
        static Decision decisions[POLICY_DECISIONS_MAX];
        char texts[TEXTS_SIZE] = "";
        PolicyProblems problems = {};
        EventExample example;
        const Deferred *waited;
        uint64_t after_usec;
        size_t n;

        if (event_example_read(node, NULL, &problems, &example) < 0) {
                policy_problems_print(&problems, stderr);
                fail_msg("%s", then->document);
        }
        policy_problems_clear(&problems);
        print_message("%s", then->decisions);
        assert_int_equal(policy_stream_due(stream, &example, decisions, &n, &waited, &after_usec), 0);
        assert_int_equal(policy_stream_decide(stream, &example, decisions, &n), 0);
        for (size_t i = 0; i < n; i++) {
                append_decision(decisions + i, texts);
                decision_clear(decisions + i);
        }
        event_example_clear(&example);
        assert_string_equal(texts, then->decisions);
}

/* Durations in it ("cooldown: 1d left") are rounded as they were then. */
static void assert_same_when_simulated(Setup *s) {
        _cleanup_(policy_stream_free_at) PolicyStream *stream = NULL;
        _cleanup_(yaml_tree_free_at) YamlTree *tree = NULL;
        _cleanup_(free_at) char *text = stream_text();
        PolicyProblems problems = {};
        size_t i = 0;

        print_message("%s", text);
        (void) yaml_tree_parse_stream(text, strlen(text), 0, &problems, &tree);
        policy_problems_print(&problems, stderr);
        assert_int_equal(problems.n_errors, 0);
        policy_problems_clear(&problems);
        assert_int_equal(policy_stream_new(s->engine->policy, &stream), 0);
        YAML_FOREACH(node, yaml_tree_root(tree))
                simulate_one(stream, node, recorded + i++);
        assert_int_equal(i, n_recorded);
}

static void load(Setup *s, const char *text) {
        write_policy(s, text);
        assert_int_equal(engine_reload_policy(s->engine), 0);
}

static void test_escalates(void **state) {
        Setup *s = *state;

        load(s, "version: 1\n"
                "rules:\n"
                "  - {id: heal, match: {event: sick, fs: {mount: /srv, autofsck: repair}}, again: 1d,\n"
                "     escalate: [repair, {scrub: {repair: if-allowed}}, notify]}\n"
                "  - {id: told, match: {event: [repair-done, repair-failed, scrub-done]}, do: [log]}\n");
        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        run_quiet(s);
        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        run_quiet(s);
        s->outcome = s->scrub_outcome = OUTCOME_STILL_CORRUPT;
        take_sick(s, STRUCTURE_AG_BNOBT, 0);
        run_quiet(s);
        take_sick(s, STRUCTURE_AG_BNOBT, 0);
        run_quiet(s);
        assert_int_equal(s->n_repairs, 2);
        assert_in_range(s->n_scrubs, 2, 4);
        assert_in_range(n_recorded, 8, RECORDED_MAX);
        assert_same_when_simulated(s);
}

static void test_counts_and_rests(void **state) {
        Setup *s = *state;

        load(s, "version: 1\n"
                "rules:\n"
                "  - {id: often, match: {event: sick}, when: {count: 2, within: 1d, per: inode}, cooldown: 1d,\n"
                "     do: [{scrub: {repair: never}}], priority: 1}\n"
                "  - {id: path, match: {file: {path: {under: /srv/dir}, owner: postgres}}, do: [notify]}\n");
        for (unsigned i = 0; i < 3; i++) {
                take_sick(s, STRUCTURE_INODE_DIRECTORY, 131);
                run_quiet(s);
                take_sick(s, STRUCTURE_INODE_DIRECTORY, 132);
                run_quiet(s);
        }
        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        run_quiet(s);
        assert_int_equal(s->n_scrubs, 1);
        assert_same_when_simulated(s);
}

/* The path is kept for other policies, whatever this one asks for; it decides nothing here. */
static void test_path_is_kept(void **state) {
        Setup *s = *state;

        load(s, "version: 1\nbaseline: off\n");
        take_sick(s, STRUCTURE_INODE_DIRECTORY, 131);
        run_quiet(s);
        assert_int_equal(n_recorded, 1);
        assert_non_null(strstr(recorded[0].document, "path: \"/srv/dir/file\""));
        assert_same_when_simulated(s);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_escalates, setup, engine_fixture_teardown),
                cmocka_unit_test_setup_teardown(test_counts_and_rests, setup, engine_fixture_teardown),
                cmocka_unit_test_setup_teardown(test_path_is_kept, setup, engine_fixture_teardown),
        };

        return cmocka_run_group_tests_name("recorded-stream", tests, NULL, NULL);
}
