/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading `schedules`, merging, finding and showing them.
 */
#include "policy/policy-schedules.h"

#include <string.h>

#include "policy/policy-match.h"
#include "policy/policy-parse-value.h"
#include "src/basic/duration.h"
#include "src/basic/text.h"

#define SPREAD_MAX_USEC (30 * USEC_PER_DAY)

static const char *const schedule_missed_names[] = {
        [SCHEDULE_MISSED_RUN] = "run",
        [SCHEDULE_MISSED_SKIP] = "skip",
};
DEFINE_NAMES(schedule_missed, ScheduleMissed)

/* What can be done by the calendar: one row each. */
static const ActionKind schedulable[] = {
        ACTION_SCRUB,
        ACTION_VERIFY_MEDIA,
};

/* Reading */

static const char *missed_name_at(unsigned i) {
        return schedule_missed_to_name((ScheduleMissed) i);
}

static void parse_moment(PolicyParser *parser, const YamlNode *node, ScheduleSource *schedule) {
        SourcePosition position = node->position;
        TimeFault fault;
        const char *text;
        int r;

        if (!parse_text(parser, node, "at", &text))
                return;
        r = calendar_add(&schedule->at, text, &fault);
        if (r == -EINVAL) {
                /* Within quotes the text begins behind the first of them. */
                position.column += (unsigned) fault.offset + node->is_quoted;
                policy_error(parser->problems, position, "%s", fault.text);
        } else if (r == -E2BIG)
                policy_error(parser->problems, position, "more than %d times in \"at\": write fewer",
                             CALENDAR_MOMENTS_MAX);
}

static int schedule_id(PolicyParser *parser, const YamlNode *node, ScheduleSource *schedule) {
        (void) parse_id(parser, node, "id", schedule->rule.id);
        return 0;
}

static int schedule_match(PolicyParser *parser, const YamlNode *node, ScheduleSource *schedule) {
        return parse_match(parser, node, &schedule->rule.match);
}

static int schedule_at(PolicyParser *parser, const YamlNode *node, ScheduleSource *schedule) {
        if (node->kind != YAML_KIND_LIST) {
                parse_moment(parser, node, schedule);
                return 0;
        }
        if (node->n_children == 0)
                policy_error(parser->problems, node->position, "empty list for \"at\": write at least one time");
        YAML_FOREACH(item, node)
                parse_moment(parser, item, schedule);
        return 0;
}

static int schedule_spread(PolicyParser *parser, const YamlNode *node, ScheduleSource *schedule) {
        (void) parse_duration(parser, node, "spread", 0, SPREAD_MAX_USEC, &schedule->spread_usec);
        return 0;
}

static int schedule_missed(PolicyParser *parser, const YamlNode *node, ScheduleSource *schedule) {
        unsigned value;

        if (parse_word(parser, node, "missed", missed_name_at, SCHEDULE_MISSED_SKIP + 1, &value))
                schedule->missed = (ScheduleMissed) value;
        return 0;
}

static int schedule_do(PolicyParser *parser, const YamlNode *node, ScheduleSource *schedule) {
        return parse_single_step(parser, node, &schedule->rule);
}

static const struct {
        const char *name;
        int (*parse)(PolicyParser *parser, const YamlNode *node, ScheduleSource *schedule);
        const char *advice;             /* if it is not there; NULL: it need not be */
} readers[] = {
        { "id", schedule_id, "give it a name, such as \"id: monthly\"" },
        { "match", schedule_match, NULL },
        { "at", schedule_at, "say when, such as \"at: 'Sun *-*-1..7 03:00'\"" },
        { "spread", schedule_spread, NULL },
        { "missed", schedule_missed, NULL },
        { "do", schedule_do, "say what, such as \"do: scrub\"" },
};

static int parse_schedule(PolicyParser *parser, const YamlNode *node, ScheduleSource *schedule) {
        *schedule = (ScheduleSource) {
                .rule = {
                        .position = node->position,
                        .match = { .kind = CONDITION_ALL, .position = node->position },
                },
                .spread_usec = SCHEDULE_SPREAD_DEFAULT_USEC,
        };
        if (!parse_kind(parser, node, YAML_KIND_MAP, "schedule"))
                return 0;

        YAML_FOREACH(entry, node) {
                if (!parse_find_key(parser, KEY_OF_SCHEDULE, "key of a schedule", entry))
                        continue;
                for (size_t i = 0; i < ELEMENTSOF(readers); i++) {
                        int r = strcmp(readers[i].name, entry->text) == 0
                                        ? readers[i].parse(parser, entry->value, schedule) : 0;

                        if (r < 0)
                                return r;
                }
        }
        for (size_t i = 0; i < ELEMENTSOF(readers); i++)
                if (readers[i].advice && !yaml_map_find(node, readers[i].name))
                        policy_error(parser->problems, node->position, "this schedule has no \"%s\": %s",
                                     readers[i].name, readers[i].advice);
        return 0;
}

static void check_ids(PolicyParser *parser, const PolicySource *source) {
        for (size_t i = 0; i < source->n_schedules; i++)
                for (size_t k = 0; k < i; k++) {
                        const RuleSource *later = &source->schedules[i].rule, *earlier = &source->schedules[k].rule;

                        if (!later->id[0] || strcmp(later->id, earlier->id) != 0)
                                continue;
                        policy_error(parser->problems, later->position,
                                     "duplicate schedule \"%s\": the one in line %u has the same id, give it another",
                                     later->id, earlier->position.line);
                        break;
                }
}

int parse_schedules(PolicyParser *parser, const YamlNode *node, PolicySource *source) {
        int r;

        if (!parse_kind(parser, node, YAML_KIND_LIST, "schedules"))
                return 0;
        if (node->n_children > POLICY_SCHEDULES_MAX) {
                policy_error(parser->problems, node->position, "%zu schedules: write at most %d", node->n_children,
                             POLICY_SCHEDULES_MAX);
                return 0;
        }

        source->schedules = calloc(max_of(node->n_children, (size_t) 1), sizeof(*source->schedules));
        if (!source->schedules)
                return -ENOMEM;
        YAML_FOREACH(item, node) {
                r = parse_schedule(parser, item, &source->schedules[source->n_schedules++]);
                if (r < 0)
                        return r;
        }
        check_ids(parser, source);
        return 0;
}

void schedule_source_clear(ScheduleSource *schedule) {
        rule_source_clear(&schedule->rule);
        *schedule = (ScheduleSource) {};
}

int policy_schedules_merge(PolicySource *whole, PolicySource *part) {
        ScheduleSource *schedules;

        if (part->n_schedules == 0)
                return 0;

        schedules = reallocarray(whole->schedules, whole->n_schedules + part->n_schedules, sizeof(*schedules));
        if (!schedules)
                return -ENOMEM;
        whole->schedules = schedules;

        for (size_t i = 0; i < part->n_schedules; i++) {
                size_t k = 0;

                while (k < whole->n_schedules && strcmp(schedules[k].rule.id, part->schedules[i].rule.id) != 0)
                        k++;
                if (k < whole->n_schedules)
                        schedule_source_clear(&schedules[k]);
                else
                        whole->n_schedules++;
                schedules[k] = part->schedules[i];
                part->schedules[i] = (ScheduleSource) {};
        }
        return 0;
}

/* Checking */

static const Condition *find_event_key(const Condition *condition) {
        const Condition *found = NULL;

        if (condition->kind == CONDITION_TEST)
                return text_starts_with(condition->key->path, "fs.") ? NULL : condition;
        for (size_t i = 0; i < condition->n_children && !found; i++)
                found = find_event_key(&condition->children[i]);
        return found;
}

static bool is_schedulable(ActionKind kind) {
        for (size_t i = 0; i < ELEMENTSOF(schedulable); i++)
                if (schedulable[i] == kind)
                        return true;
        return false;
}

static void check_schedule(const RuleSource *rule, PolicyProblems *problems) {
        const Condition *about_event = find_event_key(&rule->match);
        const StepSource *step = rule->steps;

        if (about_event)
                policy_error(problems, about_event->position,
                             "\"%s\" is about events, and a schedule waits for none: test the file system, "
                             "such as \"fs: {type: xfs}\"", about_event->key->path);
        if (rule->n_steps == 0)
                return;
        if (!is_schedulable(step->request.kind))
                policy_error(problems, step->position, "\"%s\" cannot be done by a schedule: write \"do: %s\"",
                             action_kind_to_name(step->request.kind), action_kind_to_name(schedulable[0]));
        if (step->request.window[0])
                policy_error(problems, step->window_position,
                             "a schedule says itself when: leave \"in\" out, or write the time into \"at\"");
}

void policy_schedules_check(const Policy *policy, PolicyProblems *problems) {
        for (size_t i = 0; i < policy->n_schedules; i++)
                check_schedule(&policy->schedules[i].rule, problems);
}

/* Finding */

size_t policy_n_schedules(const Policy *policy) {
        return policy->n_schedules;
}

const ScheduleSource *policy_schedule_at(const Policy *policy, size_t index) {
        return &policy->schedules[index];
}

const ScheduleSource *policy_find_schedule(const Policy *policy, const char *id) {
        for (size_t i = 0; i < policy->n_schedules; i++)
                if (strcmp(policy->schedules[i].rule.id, id) == 0)
                        return &policy->schedules[i];
        return NULL;
}

/* Showing */

void schedule_print_times(const ScheduleSource *schedule, FILE *stream) {
        char spread[DURATION_TEXT_SIZE];

        fputs(schedule->at.n > 1 ? "    at: [" : "    at: ", stream);
        for (size_t i = 0; i < schedule->at.n; i++) {
                fputs(i > 0 ? ", " : "", stream);
                policy_print_quoted(schedule->at.items[i].text, stream);
        }
        fprintf(stream, "%s\n    spread: %s\n    missed: %s\n", schedule->at.n > 1 ? "]" : "",
                duration_format(schedule->spread_usec, spread), schedule_missed_to_name(schedule->missed));
}

static const char *concern_text(Verdict verdict) {
        return verdict == VERDICT_YES ? "" : verdict == VERDICT_NO ? ", not for this file system"
                                                                   : ", for this file system perhaps";
}

void policy_schedules_explain(const Policy *policy, const EventFacts *facts, FILE *stream) {
        MatchContext context;

        match_context_init(&context, facts);
        for (size_t i = 0; i < policy->n_schedules; i++) {
                const ScheduleSource *schedule = &policy->schedules[i];
                unsigned file = schedule->rule.position.file;
                char next[CALENDAR_MOMENT_TEXT_SIZE], spread[DURATION_TEXT_SIZE];

                fprintf(stream, "schedule %s (%s:%u)", schedule->rule.id,
                        file < policy->n_files ? policy->files[file] : "?", schedule->rule.position.line);
                if (facts->now_realtime_usec > 0)
                        fprintf(stream, ": next %s",
                                calendar_moment_text(facts->zone, calendar_next(&schedule->at, facts->zone,
                                                                                facts->now_realtime_usec), next));
                if (schedule->spread_usec > 0)
                        fprintf(stream, ", up to %s later", duration_format(schedule->spread_usec, spread));
                fprintf(stream, "%s\n", concern_text(condition_match(&schedule->rule.match, &context, NULL)));
        }
}
