/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parser's tables the other way round.
 */
#include "policy/policy-print.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "policy/policy-patrol.h"
#include "policy/policy-permit.h"
#include "policy/policy-routes.h"
#include "policy/policy-rules.h"
#include "policy/policy-schedules.h"
#include "policy/policy-windows.h"
#include "policy/policy-workloads.h"
#include "src/basic/duration.h"
#include "src/basic/number.h"
#include "src/basic/text.h"

/* "{fs: {label: VALUE}}" for the key fs.label. */
static void print_test(const Condition *condition, FILE *stream) {
        const char *path = condition->key->path, *dot = strchr(path, '.');

        if (dot)
                fprintf(stream, "{%.*s: {%s: ", (int) (dot - path), path, dot + 1);
        else
                fprintf(stream, "{%s: ", path);
        condition_print_value(condition, stream);
        fputs(dot ? "}}" : "}", stream);
}

static void print_condition(const Condition *condition, FILE *stream) {
        static const char *const words[] = {
                [CONDITION_ALL] = "all-of",
                [CONDITION_ANY] = "any-of",
                [CONDITION_NONE] = "none-of",
        };

        if (condition->kind == CONDITION_TEST) {
                print_test(condition, stream);
                return;
        }
        fprintf(stream, "{%s: [", words[condition->kind]);
        for (size_t i = 0; i < condition->n_children; i++) {
                fputs(i > 0 ? ", " : "", stream);
                print_condition(&condition->children[i], stream);
        }
        fputs("]}", stream);
}

/* Of a match, whose conditions are joined by and: nothing, one of them, or all of them. */
static void print_match(const Condition *match, FILE *stream) {
        if (match->n_children == 0)
                fputs("{}", stream);
        else
                print_condition(match->n_children == 1 ? &match->children[0] : match, stream);
}

static bool parameter_is_default(const ActionParameter *parameter, const StepSource *step) {
        ActionRequest usual = action_request_default(step->request.kind);
        const char *here = (const char *) &step->request + parameter->offset;
        const char *there = (const char *) &usual + parameter->offset;

        switch (parameter->type) {
        case PARAMETER_DURATION:
                return *(const uint64_t *) here == *(const uint64_t *) there;
        case PARAMETER_DURATION_RANGE:
                return memcmp(here, there, 2 * sizeof(uint64_t)) == 0;
        case PARAMETER_COUNT:
                return *(const unsigned *) here == *(const unsigned *) there;
        case PARAMETER_SEVERITY:
                return !step->has_severity;
        case PARAMETER_SCRUB_REPAIR:
                return *(const ScrubRepair *) here == *(const ScrubRepair *) there;
        case PARAMETER_VERIFY_SPACE:
                return *(const VerifySpace *) here == *(const VerifySpace *) there;
        case PARAMETER_BYTES:
                return *(const uint64_t *) here == *(const uint64_t *) there;
        case PARAMETER_WINDOW:
                return here[0] == '\0';
        case PARAMETER_UNIT:
        case PARAMETER_ROUTE:
        case PARAMETER_NAME:
        case PARAMETER_SENTENCE:
                return !*(char *const *) here;
        case PARAMETER_WHO:
        case PARAMETER_HOW:
        case PARAMETER_ONLY:
        case PARAMETER_SCOPE_COUNT:
        case PARAMETER_SCOPE_DURATION:
        case PARAMETER_HOLD:
        case PARAMETER_CONFIRM:
        case PARAMETER_TRUTH:
                return scope_value_is_default(parameter, step->request.workloads);
        }
        return true;
}

static void print_parameter(const ActionParameter *parameter, const StepSource *step, FILE *stream) {
        const void *slot = (const char *) &step->request + parameter->offset;
        char one[DURATION_TEXT_SIZE], other[DURATION_TEXT_SIZE];
        const uint64_t *durations = slot;

        fprintf(stream, "%s: ", parameter->name);
        switch (parameter->type) {
        case PARAMETER_DURATION:
                fputs(duration_format(durations[0], one), stream);
                break;
        case PARAMETER_DURATION_RANGE:
                fprintf(stream, "%s..%s", duration_format(durations[0], one), duration_format(durations[1], other));
                break;
        case PARAMETER_COUNT:
                fprintf(stream, "%u", *(const unsigned *) slot);
                break;
        case PARAMETER_SEVERITY:
                fputs(severity_to_name(*(const Severity *) slot), stream);
                break;
        case PARAMETER_SCRUB_REPAIR:
                fputs(scrub_repair_to_name(*(const ScrubRepair *) slot), stream);
                break;
        case PARAMETER_VERIFY_SPACE:
                fputs(verify_space_to_name(*(const VerifySpace *) slot), stream);
                break;
        case PARAMETER_BYTES:
                fputs(number_format_bytes(*durations, one), stream);
                break;
        case PARAMETER_WINDOW:
                fputs((const char *) slot, stream);
                break;
        case PARAMETER_UNIT:
                fprintf(stream, "'%s'", *(char *const *) slot);
                break;
        case PARAMETER_ROUTE:
                fputs(*(char *const *) slot, stream);
                break;
        case PARAMETER_NAME: /* "null" is one */
        case PARAMETER_SENTENCE:
                policy_print_quoted(*(char *const *) slot, stream);
                break;
        case PARAMETER_WHO:
        case PARAMETER_HOW:
        case PARAMETER_ONLY:
        case PARAMETER_SCOPE_COUNT:
        case PARAMETER_SCOPE_DURATION:
        case PARAMETER_HOLD:
        case PARAMETER_CONFIRM:
        case PARAMETER_TRUTH:
                scope_print_value(parameter, step->request.workloads, stream);
                break;
        }
}

static void print_step(const StepSource *step, FILE *stream) {
        const char *name = action_kind_to_name(step->request.kind);
        unsigned n = 0;

        for (size_t i = 0; i < action_parameter_count(); i++) {
                const ActionParameter *parameter = action_parameter_at(i);

                if (parameter->action != step->request.kind || parameter_is_default(parameter, step))
                        continue;
                if (n++ == 0)
                        fprintf(stream, "{%s: {", name);
                else
                        fputs(", ", stream);
                print_parameter(parameter, step, stream);
        }
        fputs(n > 0 ? "}}" : name, stream);
}

static void print_place(const Policy *policy, SourcePosition position, FILE *stream) {
        fprintf(stream, "  # %s:%u\n", position.file < policy->n_files ? policy->files[position.file] : "?",
                position.line);
}

static void print_per(unsigned parts, FILE *stream) {
        const char *separator = "";

        fputs(", per: [", stream);
        for (unsigned i = 0; i < N_EVENT_PARTS; i++)
                if (parts & EVENT_PART_BIT(i)) {
                        fprintf(stream, "%s%s", separator, event_part_to_name((EventPart) i));
                        separator = ", ";
                }
        fputc(']', stream);
}

/* Nothing where there is none. @separator: what stands before it; then what stands before the next one. */
static void print_limit(const char *name, const ActionLimit *limit, const char **separator, FILE *stream) {
        char within[DURATION_TEXT_SIZE];

        if (limit->within_usec == 0)
                return;
        fprintf(stream, "%s%s: %" PRIu64 " per %s", *separator, name, limit->count,
                duration_format(limit->within_usec, within));
        *separator = ", ";
}

static void print_when(const RuleWhen *when, FILE *stream) {
        char within[DURATION_TEXT_SIZE];

        fprintf(stream, "    when: {count: %" PRIu64 ", within: %s", when->count,
                duration_format(when->within_usec, within));
        print_per(when->per, stream);
        if (when->is_distinct)
                fprintf(stream, ", distinct: %s", event_part_to_name(when->distinct));
        if (when->weight != COUNT_REPORTS)
                fprintf(stream, ", weight: %s", count_weight_to_name(when->weight));
        fputs("}\n", stream);
}

static void print_timing(const RuleTiming *timing, FILE *stream) {
        char text[DURATION_TEXT_SIZE];

        if (timing->is_escalating)
                fprintf(stream, "    again: %s\n", duration_format(timing->again_usec, text));
        if (timing->when.count > 0)
                print_when(&timing->when, stream);
        if (timing->lasting_usec > 0)
                fprintf(stream, "    for: %s\n", duration_format(timing->lasting_usec, text));
        if (timing->gather.quiet_usec > 0) {
                fprintf(stream, "    gather: {quiet: %s", duration_format(timing->gather.quiet_usec, text));
                fprintf(stream, ", max: %s", duration_format(timing->gather.max_usec, text));
                print_per(timing->gather.per, stream);
                fputs("}\n", stream);
        }
        if (timing->cooldown.for_usec > 0) {
                fprintf(stream, "    cooldown: {for: %s", duration_format(timing->cooldown.for_usec, text));
                print_per(timing->cooldown.per, stream);
                fprintf(stream, ", then: %s}\n", cooldown_then_to_name(timing->cooldown.then));
        }
        if (timing->actions.within_usec > 0 || timing->workloads.within_usec > 0) {
                const char *separator = "";

                fputs("    limits: {", stream);
                print_limit("actions", &timing->actions, &separator, stream);
                print_limit("workloads", &timing->workloads, &separator, stream);
                fputs("}\n", stream);
        }
}

static void print_limits(const PolicyLimits *limits, FILE *stream) {
        const char *separator = "limits: {";

        print_limit("actions", &limits->actions, &separator, stream);
        print_limit("workloads", &limits->workloads, &separator, stream);
        if (limits->n_parallel_repairs > 0) {
                fprintf(stream, "%sparallel-repairs: %u", separator, limits->n_parallel_repairs);
                separator = ", ";
        }
        if (limits->n_parallel_scrubs > 0) {
                fprintf(stream, "%sparallel-scrubs: %u", separator, limits->n_parallel_scrubs);
                separator = ", ";
        }
        if (separator[0] == ',')
                fputs("}\n", stream);
}

static void print_window(const Policy *policy, const WindowSource *window, FILE *stream) {
        print_place(policy, window->position, stream);
        fprintf(stream, "  %s: ", window->id);
        window_print_value(&window->window, stream);
        fputc('\n', stream);
}

static void print_brake(const Brake *brake, FILE *stream) {
        char within[DURATION_TEXT_SIZE], calm[DURATION_TEXT_SIZE];

        if (brake->n_filesystems > 0)
                fprintf(stream, "brake: {filesystems: %u, within: %s, calm: %s}\n", brake->n_filesystems,
                        duration_format(brake->within_usec, within), duration_format(brake->calm_usec, calm));
}

static void print_route(const Policy *policy, const RouteSource *route, FILE *stream) {
        print_place(policy, route->position, stream);
        fprintf(stream, "  %s: ", route->id);
        route_print_value(route, stream);
        fputc('\n', stream);
}

static void print_permit(const Policy *policy, FILE *stream) {
        print_place(policy, policy->permit.position, stream);
        fputs("permit: ", stream);
        permit_print_value(&policy->permit, stream);
        fputc('\n', stream);
}

static void print_rule(const Policy *policy, const PolicyRule *rule, FILE *stream) {
        const RuleSource *source = &rule->source;

        print_place(policy, source->position, stream);
        fprintf(stream, "  - id: %s\n", source->id);
        if (source->match.n_children > 0) {
                fputs("    match: ", stream);
                print_match(&source->match, stream);
                fputc('\n', stream);
        }
        fputs(source->timing.is_escalating ? "    escalate: [" : "    do: [", stream);
        for (size_t i = 0; i < source->n_steps; i++) {
                fputs(i > 0 ? ", " : "", stream);
                print_step(&source->steps[i], stream);
        }
        fputs("]\n", stream);
        print_timing(&source->timing, stream);
        if (source->on_unknown != ON_UNKNOWN_SKIP)
                fprintf(stream, "    on-unknown: %s\n", on_unknown_to_name(source->on_unknown));
        if (source->priority != 0)
                fprintf(stream, "    priority: %lld\n", (long long) source->priority);
        if (source->is_continuing)
                fputs("    continue: true\n", stream);
        if (source->ignores_autofsck)
                fputs("    ignore-autofsck: true\n", stream);
        if (source->stops_on_failure)
                fputs("    stop-on-failure: true\n", stream);
        if (source->has_mode)
                fprintf(stream, "    mode: %s\n", policy_mode_to_name(source->mode));
}

static void print_schedule(const Policy *policy, const ScheduleSource *schedule, FILE *stream) {
        const RuleSource *rule = &schedule->rule;

        print_place(policy, rule->position, stream);
        fprintf(stream, "  - id: %s\n", rule->id);
        if (rule->match.n_children > 0) {
                fputs("    match: ", stream);
                print_match(&rule->match, stream);
                fputc('\n', stream);
        }
        schedule_print_times(schedule, stream);
        fputs("    do: ", stream);
        print_step(&rule->steps[0], stream);
        fputc('\n', stream);
}

/* What can be denied and is: all of it, or a list. */
static void print_denied(uint32_t denied, FILE *stream) {
        uint32_t deniable = 0;
        const char *separator = "";

        for (unsigned i = 0; i < N_ACTION_KINDS; i++)
                if (!action_word_of((ActionKind) i)->is_telling)
                        deniable |= UINT32_C(1) << i;
        if ((denied & deniable) == deniable) {
                fputs("all", stream);
                return;
        }
        fputc('[', stream);
        for (unsigned i = 0; i < N_ACTION_KINDS; i++)
                if (denied & deniable & (UINT32_C(1) << i)) {
                        fprintf(stream, "%s%s", separator, action_kind_to_name((ActionKind) i));
                        separator = ", ";
                }
        fputc(']', stream);
}

int policy_print(const Policy *policy, FILE *stream) {
        fputs("version: 1\n", stream);
        fprintf(stream, "mode: %s\nbaseline: %s\n", policy_mode_to_name(policy->mode),
                policy_baseline_to_name(policy->baseline));

        print_limits(&policy->limits, stream);
        print_brake(&policy->brake, stream);
        patrol_print(&policy->patrol, stream);
        if (policy->permit.unit)
                print_permit(policy, stream);
        if (policy->n_windows > 0)
                fputs("windows:\n", stream);
        for (size_t i = 0; i < policy->n_windows; i++)
                print_window(policy, &policy->windows[i], stream);
        if (policy->n_routes > 0)
                fputs("routes:\n", stream);
        for (size_t i = 0; i < policy->n_routes; i++)
                print_route(policy, &policy->routes[i], stream);

        if (policy->n_protects > 0)
                fputs("protect:\n", stream);
        for (size_t i = 0; i < policy->n_protects; i++) {
                const ProtectSource *protect = &policy->protects[i];

                print_place(policy, protect->position, stream);
                fprintf(stream, "  - id: %s\n    match: ", protect->id);
                print_match(&protect->match, stream);
                fputs("\n    deny: ", stream);
                print_denied(protect->denied, stream);
                fputc('\n', stream);
        }

        if (policy->n_schedules > 0)
                fputs("schedules:\n", stream);
        for (size_t i = 0; i < policy->n_schedules; i++)
                print_schedule(policy, &policy->schedules[i], stream);

        if (policy->n_rules > 0)
                fputs("rules:\n", stream);
        for (size_t i = 0; i < policy->n_rules; i++)
                print_rule(policy, &policy->rules[i], stream);
        return ferror(stream) ? -EIO : 0;
}
