/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Decisions and traces in words.
 */
#include "policy/policy-explain.h"

#include <stdio.h>

#include "policy/policy-rules.h"
#include "policy/policy-schedules.h"
#include "policy/policy-windows.h"
#include "policy/policy-workloads.h"
#include "src/basic/duration.h"
#include "src/basic/number.h"

static void print_duration(const char *name, uint64_t usec, FILE *stream) {
        char text[DURATION_TEXT_SIZE];

        if (usec != USEC_INFINITY)
                fprintf(stream, " %s %s", name, duration_format(usec, text));
}

static void print_request(const ActionRequest *request, FILE *stream) {
        char min_text[DURATION_TEXT_SIZE], max_text[DURATION_TEXT_SIZE], bytes_text[BYTES_TEXT_SIZE];

        fputs(action_kind_to_name(request->kind), stream);
        if (request->name)
                fprintf(stream, " %s", request->name);
        if (request->kind == ACTION_NOTIFY || request->kind == ACTION_CONDITION)
                fprintf(stream, " %s", severity_to_name(request->severity));
        if (request->kind == ACTION_NOTIFY && request->route)
                fprintf(stream, " route %s", request->route);
        if (request->message) {
                fputc(' ', stream);
                policy_print_quoted(request->message, stream);
        }
        if (request->kind == ACTION_START_UNIT)
                fprintf(stream, " %s", request->unit);
        if (request->kind == ACTION_SCRUB)
                fprintf(stream, " repair %s", scrub_repair_to_name(request->scrub_repair));
        if (request->kind == ACTION_VERIFY_MEDIA)
                fprintf(stream, " space %s", verify_space_to_name(request->verify_space));
        if (request->rate_bytes > 0)
                fprintf(stream, " rate %s", number_format_bytes(request->rate_bytes, bytes_text));
        if (request->workloads)
                scope_explain(request->kind, request->workloads, stream);
        print_duration("timeout", request->timeout_usec, stream);
        /* Defaults are left out: they would stand in every line. */
        if (request->n_retries != ACTION_RETRIES_DEFAULT || request->backoff_min_usec != ACTION_BACKOFF_MIN_USEC ||
            request->backoff_max_usec != ACTION_BACKOFF_MAX_USEC)
                fprintf(stream, " retries %u backoff %s..%s", request->n_retries,
                        duration_format(request->backoff_min_usec, min_text),
                        duration_format(request->backoff_max_usec, max_text));
        if (request->ignore_autofsck)
                fputs(" ignore-autofsck", stream);
        if (request->denied_by[0])
                fprintf(stream, " (denied: %s)", request->denied_by);
        if (request->is_deferred)
                fprintf(stream, " (waits for window %s)", request->window);
}

static void print_decision(const Decision *decision, FILE *stream) {
        char author[RULE_ID_SIZE + 16], text[DURATION_TEXT_SIZE];

        fprintf(stream, "%s, %s: ", decision_author_text(decision, author), policy_mode_to_name(decision->mode));
        if (decision->suppressed_by[0])
                fprintf(stream, "(suppressed by %s) ", decision->suppressed_by);
        if (decision->wait == WAIT_LASTING)
                fprintf(stream, "(waits whether it lasts %s) ", duration_format(decision->wait_usec, text));
        if (decision->wait == WAIT_GATHER)
                fprintf(stream, "(gathers until %s without another) ", duration_format(decision->wait_usec, text));
        if (decision->is_escalating)
                fprintf(stream, "from step %u: ", decision->first_step + 1);
        for (size_t i = 0; i < decision->n_actions; i++) {
                fputs(i == 0 ? "" : decision->is_escalating ? "; else " : "; ", stream);
                print_request(&decision->actions[i], stream);
        }
        if (decision->stop_on_failure)
                fputs("; stops on failure", stream);
        if (decision->reason[0])
                fprintf(stream, " [%s]", decision->reason);
}

char *policy_decision_text(const Decision *decision) {
        _cleanup_(free_at) char *text = NULL;
        size_t length;
        FILE *stream;

        stream = open_memstream(&text, &length);
        if (!stream)
                return NULL;

        print_decision(decision, stream);
        if (fclose(stream) != 0)
                return NULL;

        return steal_ptr(text);
}

static const char *const outcome_sentences[] = {
        [RULE_NOT_MATCHED] = "does not match",
        [RULE_UNKNOWN] = "is passed over, because a fact is unknown",
        [RULE_NEVER_ACTS] = "matches, but rules never act on such an event",
        [RULE_HIDDEN] = "matches, but an observing rule before it ended what observing rules see",
        [RULE_COUNTING] = "matches, and is not taken: it has not happened often enough",
        [RULE_LASTING] = "matches, and is not taken before that has lasted",
        [RULE_STEPPED_OVER] = "matches, rests, and is stepped over",
        [RULE_RESTING] = "matches and rests: nothing is done",
        [RULE_OBSERVED] = "is taken, and only observes",
        [RULE_TAKEN] = "is taken",
        [RULE_NOT_LOOKED_AT] = "is not looked at, because the search had ended",
};

static int print_rule(const Policy *policy, const RuleTrace *trace, MatchContext *context, FILE *stream) {
        const RuleSource *source = &policy->rules[trace->rule].source;
        _cleanup_(free_at) char *test = NULL, *fact = NULL;
        const char *file = source->position.file < policy->n_files ? policy->files[source->position.file] : "?";

        fprintf(stream, "rule %s (%s:%u) %s\n", source->id, file, source->position.line,
                outcome_sentences[trace->outcome]);
        if (trace->why[0])
                fprintf(stream, "    %s\n", trace->why);
        if (!trace->decider)
                return 0;

        test = condition_text(trace->decider);
        if (!test)
                return -ENOMEM;
        fprintf(stream, "    %s in line %u: %s", test, trace->decider->position.line, verdict_to_name(trace->verdict));
        if (trace->decider->kind == CONDITION_TEST) {
                fact = match_fact_text(context, trace->decider->key);
                if (!fact)
                        return -ENOMEM;
                fprintf(stream, ", %s", fact);
        }
        fputc('\n', stream);
        return 0;
}

static int print_explanation(const Policy *policy, const EventFacts *facts, const PolicyTrace *trace,
                             const Decision *decisions, size_t n_decisions, FILE *stream) {
        MatchContext context;
        int r;

        policy_windows_explain(policy, facts, stream);
        policy_schedules_explain(policy, facts, stream);
        match_context_init(&context, facts);
        for (size_t i = 0; i < trace->n_rules; i++) {
                r = print_rule(policy, &trace->rules[i], &context, stream);
                if (r < 0)
                        return r;
        }

        fputs(n_decisions > 0 ? "decided:\n" : "decided: nothing\n", stream);
        for (size_t i = 0; i < n_decisions; i++) {
                fputs("    ", stream);
                print_decision(&decisions[i], stream);
                fputc('\n', stream);
        }
        return 0;
}

int policy_explain_decided(const Policy *policy, const PolicyMemory *memory, const EventFacts *facts,
                           Decision *ret_decisions, size_t *ret_n, char **ret_text) {
        _cleanup_(free_at) char *text = NULL;
        PolicyTrace trace = {};
        size_t length, n = 0;
        FILE *stream;
        int r;

        r = policy_choose_traced(policy, memory, facts, ret_decisions, POLICY_DECISIONS_MAX, &n, &trace);
        if (r < 0)
                return r;

        stream = open_memstream(&text, &length);
        r = stream ? print_explanation(policy, facts, &trace, ret_decisions, n, stream) : -ENOMEM;
        if (stream && fclose(stream) != 0)
                r = -ENOMEM;
        policy_trace_clear(&trace);
        if (r < 0) {
                while (n > 0)
                        decision_clear(&ret_decisions[--n]);
                return r;
        }

        *ret_n = n;
        *ret_text = steal_ptr(text);
        return 0;
}

int policy_explain(const Policy *policy, const PolicyMemory *memory, const EventFacts *facts, char **ret_text) {
        _cleanup_(free_at) Decision *decisions = calloc(POLICY_DECISIONS_MAX, sizeof(*decisions));
        size_t n = 0;
        int r;

        if (!decisions)
                return -ENOMEM;
        r = policy_explain_decided(policy, memory, facts, decisions, &n, ret_text);
        while (n > 0)
                decision_clear(&decisions[--n]);
        return r;
}
