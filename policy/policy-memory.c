/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Meaning for the entries of memory-table.
 */
#include "policy/policy-memory.h"

#include <stdio.h>
#include <string.h>

#include "policy/policy-match.h"
#include "policy/policy-rules.h"
#include "src/basic/text.h"

/* Owners of entries: the rule, or all of them; what only observes has its own. */
#define OWNER_OF_ALL "*"
#define OWNER_OBSERVES "~"
#define OWNER_SIZE (RULE_ID_SIZE + 2)

static const char *const limited_thing_names[] = {
        [LIMITED_ACTIONS] = "actions",
        [LIMITED_WORKLOADS] = "workloads",
};
DEFINE_NAMES(limited_thing, LimitedThing)

struct PolicyMemory {
        char boot_id[BOOT_ID_SIZE];
        MemoryTable *table;
};

int policy_memory_new(const char *boot_id, PolicyMemory **ret_memory) {
        _cleanup_(policy_memory_free_at) PolicyMemory *memory = calloc(1, sizeof(*memory));
        int r;

        if (!memory)
                return -ENOMEM;
        (void) text_copy(memory->boot_id, sizeof(memory->boot_id), boot_id);
        r = memory_table_new(&memory->table);
        if (r < 0)
                return r;
        *ret_memory = steal_ptr(memory);
        return 0;
}

PolicyMemory *policy_memory_free(PolicyMemory *memory) {
        if (memory) {
                memory_table_free(memory->table);
                free(memory);
        }
        return NULL;
}

const MemoryTable *policy_memory_table(const PolicyMemory *memory) {
        return memory->table;
}

static int64_t now_of(const EventFacts *facts) {
        return (int64_t) facts->now_boottime_usec;
}

/* The oldest moment that still counts. */
static int64_t window_start(int64_t now, uint64_t within_usec) {
        return now - (int64_t) within_usec + 1;
}

static char *owner_key(MemoryKind kind, const char *owner, PolicyMode mode, const char *parts,
                       char buffer[static MEMORY_KEY_SIZE]) {
        char name[OWNER_SIZE];

        (void) snprintf(name, sizeof(name), "%s%s", mode == POLICY_MODE_OBSERVE ? OWNER_OBSERVES : "",
                        owner ?: OWNER_OF_ALL);
        return memory_key(kind, name, parts, buffer);
}

/* What an entry of this rule is about. @unit: the one that it is about, of several; "": none. Returns 0; -ENODATA if
 * the event lacks what it counts by. */
static int rule_key(MemoryKind kind, const RuleSource *rule, PolicyMode mode, const EventFacts *facts, const char *unit,
                    char buffer[static MEMORY_KEY_SIZE]) {
        unsigned parts = 0, must_have = 0;
        char text[EVENT_PARTS_TEXT_SIZE];
        int r;

        if (kind == MEMORY_WHEN)
                parts = must_have = rule->timing.when.per;
        else if (kind == MEMORY_REST)
                parts = rule->timing.cooldown.per;
        else if (kind == MEMORY_LEVEL)
                parts = EVENT_PARTS_OF_TARGET;

        r = event_parts_text_of_unit(facts, parts, must_have, unit, text);
        if (r >= 0)
                owner_key(kind, rule->id, mode, text, buffer);
        return r;
}

/* The units that have an entry each: one without a name where units are not told apart, or none is known. */
static void units_of(unsigned parts, const EventFacts *facts, WorkloadUnits *ret_units) {
        ret_units->n_items = ret_units->n_left_out = 0;
        if (parts & EVENT_PART_BIT(EVENT_PART_UNIT))
                event_units(facts, ret_units);
        if (ret_units->n_items == 0)
                ret_units->items[ret_units->n_items++][0] = '\0';
}

/* The same of those that a decision lets rest. They are its own: when it ends the one that was failed uses nothing. */
static size_t n_resting(const Decision *decision) {
        return max_of(decision->resting.n_items, (size_t) 1);
}

static const char *resting_at(const Decision *decision, size_t i) {
        return i < decision->resting.n_items ? decision->resting.items[i] : "";
}

/* Never 0, which is none. */
static uint32_t distinct_hash(const char *text) {
        return text_hash(text) ?: 1;
}

/* Returns 0; -ENODATA if the event has none of what is told apart. */
static int mark_of(const RuleWhen *when, const EventFacts *facts, MemoryMark *ret_mark) {
        MemoryMark mark = { .time_usec = now_of(facts), .weight = 1 };
        char text[EVENT_PARTS_TEXT_SIZE];
        unsigned part;
        int r;

        if (when->is_distinct) {
                part = EVENT_PART_BIT(when->distinct);
                /* The free inode b-tree of one group is another structure than that of the next. */
                r = event_parts_text(facts, when->distinct == EVENT_PART_STRUCTURE ? EVENT_PARTS_OF_TARGET : part, part,
                                     text);
                if (r < 0)
                        return r;
                mark.distinct = distinct_hash(text);
        } else if (when->weight == COUNT_REPORTS)
                mark.weight = (uint32_t) min_of(facts->event->count, (uint64_t) WHEN_COUNT_MAX);

        *ret_mark = mark;
        return 0;
}

static uint64_t count_with(const MemoryEntry *entry, const RuleWhen *when, const MemoryMark *mark,
                           const EventFacts *facts) {
        int64_t oldest = window_start(now_of(facts), when->within_usec);
        uint64_t n = entry ? memory_entry_sum(entry, oldest) : 0;

        /* One that was told before the last stop was counted then. */
        if (!(facts->event->is_repeated && n > 0) &&
            !(entry && when->is_distinct && memory_entry_has_distinct(entry, mark->distinct, oldest)))
                n += when->is_distinct ? 1 : mark->weight;
        return n;
}

WhenAnswer policy_memory_when(const PolicyMemory *memory, const RuleSource *rule, PolicyMode mode,
                              const EventFacts *facts) {
        const RuleWhen *when = &rule->timing.when;
        char key[MEMORY_KEY_SIZE];
        WhenAnswer answer = {};
        WorkloadUnits units;
        MemoryMark mark;

        if (mark_of(when, facts, &mark) < 0)
                return answer;
        units_of(when->per, facts, &units);
        for (size_t i = 0; i < units.n_items; i++) {
                uint64_t n;

                if (rule_key(MEMORY_WHEN, rule, mode, facts, units.items[i], key) < 0)
                        continue;
                n = count_with(memory ? memory_table_find(memory->table, key) : NULL, when, &mark, facts);
                if (!answer.is_countable || n > answer.n) {
                        answer.n = n;
                        (void) text_copy(answer.unit, sizeof(answer.unit), units.items[i]);
                }
                answer.is_countable = true;
        }
        answer.is_reached = answer.is_countable && answer.n >= when->count;
        answer.n_units_left_out = units.n_left_out;
        return answer;
}

static uint64_t entry_rest_usec(const MemoryEntry *entry, const EventFacts *facts) {
        if (!entry)
                return 0;
        if (entry->n_active > 0)
                return USEC_INFINITY;
        return entry->until_usec > now_of(facts) ? (uint64_t) (entry->until_usec - now_of(facts)) : 0;
}

uint64_t policy_memory_rest_usec(const PolicyMemory *memory, const RuleSource *rule, PolicyMode mode,
                                 const EventFacts *facts) {
        uint64_t rest = USEC_INFINITY;
        char key[MEMORY_KEY_SIZE];
        WorkloadUnits units;

        if (!memory || rule->timing.cooldown.for_usec == 0)
                return 0;
        units_of(rule->timing.cooldown.per, facts, &units);
        for (size_t i = 0; i < units.n_items; i++) {
                if (rule_key(MEMORY_REST, rule, mode, facts, units.items[i], key) < 0)
                        return 0;
                rest = min_of(rest, entry_rest_usec(memory_table_find(memory->table, key), facts));
        }
        return rest;
}

size_t policy_memory_level(const PolicyMemory *memory, const RuleSource *rule, PolicyMode mode,
                           const EventFacts *facts) {
        char key[MEMORY_KEY_SIZE];
        const MemoryEntry *entry;

        if (!memory || !rule->timing.is_escalating || rule_key(MEMORY_LEVEL, rule, mode, facts, "", key) < 0)
                return 0;
        entry = memory_table_find(memory->table, key);
        if (!entry || (entry->n_active == 0 && entry->until_usec <= now_of(facts)))
                return 0;
        return min_of((size_t) entry->level, rule->n_steps - 1);
}

bool policy_memory_is_limited(const PolicyMemory *memory, LimitedThing thing, const ActionLimit *limit,
                              const char *owner, PolicyMode mode, const EventFacts *facts, size_t n,
                              uint64_t *ret_usec) {
        int64_t now = now_of(facts), oldest = window_start(now, limit->within_usec);
        const MemoryEntry *entry = NULL;
        char key[MEMORY_KEY_SIZE];
        uint64_t used;

        if (limit->within_usec == 0 || n == 0)
                return false;
        if (memory)
                entry = memory_table_find(memory->table, owner_key(MEMORY_LIMIT, owner, mode,
                                                                   limited_thing_to_name(thing), key));
        used = entry ? memory_entry_sum(entry, oldest) : 0;
        if (used + n <= limit->count)
                return false;

        *ret_usec = USEC_INFINITY;
        if (entry && n <= limit->count && memory_entry_oldest(entry, oldest) != INT64_MAX)
                *ret_usec = (uint64_t) (memory_entry_oldest(entry, oldest) + (int64_t) limit->within_usec - now);
        return true;
}

static const MemoryEntry *brake_find(const PolicyMemory *memory) {
        char key[MEMORY_KEY_SIZE];

        return memory ? memory_table_find(memory->table, memory_key(MEMORY_BRAKE, OWNER_OF_ALL, "", key)) : NULL;
}

/* What counts for the brake: something that failed, told by a file system. Returns its hash, or 0. */
static uint32_t brake_hash(const EventFacts *facts) {
        char text[EVENT_PARTS_TEXT_SIZE];

        if (facts->resumed_from != RESUMED_NOT || event_kind_is_result(facts->event->kind) ||
            health_event_severity(facts->event) > SEVERITY_ERROR ||
            event_parts_text(facts, EVENT_PART_BIT(EVENT_PART_FS), EVENT_PART_BIT(EVENT_PART_FS), text) < 0)
                return 0;
        return distinct_hash(text);
}

static bool brake_is_reached(const MemoryEntry *entry, const Brake *brake, const EventFacts *facts) {
        int64_t oldest = window_start(now_of(facts), brake->within_usec);
        uint32_t hash = brake_hash(facts);
        uint64_t n = entry ? memory_entry_sum(entry, oldest) : 0;

        if (hash == 0)
                return false;
        if (!entry || !memory_entry_has_distinct(entry, hash, oldest))
                n++;
        return n >= brake->n_filesystems;
}

bool policy_memory_is_braked(const PolicyMemory *memory, const Policy *policy, const EventFacts *facts) {
        const MemoryEntry *entry = brake_find(memory);

        if (policy->brake.n_filesystems == 0)
                return false;
        return (entry && entry->until_usec > now_of(facts)) || brake_is_reached(entry, &policy->brake, facts);
}

uint64_t policy_memory_brake_until_usec(const PolicyMemory *memory, uint64_t now_boottime_usec) {
        const MemoryEntry *entry = brake_find(memory);

        return entry && entry->until_usec > (int64_t) now_boottime_usec ? (uint64_t) entry->until_usec : 0;
}

bool policy_memory_release_brake(PolicyMemory *memory, uint64_t now_boottime_usec) {
        const MemoryEntry *known = brake_find(memory);
        MemoryEntry *entry;
        bool was_on;

        if (!known || memory_table_get(memory->table, known->key, &entry) < 0)
                return false;
        was_on = entry->until_usec > (int64_t) now_boottime_usec;
        memory_table_remove(memory->table, entry);
        return was_on;
}

/* NULL without memory, which is noted. */
static MemoryEntry *entry_get(PolicyMemory *memory, const char *key, int *error) {
        MemoryEntry *entry = NULL;
        int r = memory_table_get(memory->table, key, &entry);

        if (r < 0) {
                *error = r;
                return NULL;
        }
        return entry;
}

static MemoryEntry *rule_entry(PolicyMemory *memory, MemoryKind kind, const PolicyRule *rule, const EventFacts *facts,
                               const char *unit, int *error) {
        char key[MEMORY_KEY_SIZE];

        if (rule_key(kind, &rule->source, rule->mode, facts, unit, key) < 0)
                return NULL;
        return entry_get(memory, key, error);
}

static void count_when(PolicyMemory *memory, const PolicyRule *rule, const EventFacts *facts, int *error) {
        const RuleWhen *when = &rule->source.timing.when;
        int64_t oldest = window_start(now_of(facts), when->within_usec);
        WorkloadUnits units;
        MemoryMark mark;

        if (mark_of(when, facts, &mark) < 0)
                return;
        units_of(when->per, facts, &units);
        for (size_t i = 0; i < units.n_items; i++) {
                MemoryEntry *entry = rule_entry(memory, MEMORY_WHEN, rule, facts, units.items[i], error);
                int r;

                if (!entry || (facts->event->is_repeated && memory_entry_sum(entry, oldest) > 0))
                        continue;
                r = memory_entry_mark(entry, mark, oldest);
                if (r < 0)
                        *error = r;
        }
}

static void count_all(PolicyMemory *memory, const Policy *policy, const EventFacts *facts, int *error) {
        const uint64_t kind = UINT64_C(1) << facts->event->kind;
        MatchContext context;

        match_context_init(&context, facts);
        for (size_t i = 0; i < policy->n_counting; i++) {
                const PolicyRule *rule = policy->rules + policy->counting[i];
                Verdict verdict;

                if (!(rule->events & kind))
                        continue;
                verdict = condition_match(&rule->source.match, &context, NULL);
                if (verdict == VERDICT_YES ||
                    (verdict == VERDICT_UNKNOWN && rule->source.on_unknown == ON_UNKNOWN_MATCH))
                        count_when(memory, rule, facts, error);
        }
}

static void count_brake(PolicyMemory *memory, const Policy *policy, const EventFacts *facts, int *error) {
        const Brake *brake = &policy->brake;
        const MemoryMark mark = { .time_usec = now_of(facts), .weight = 1, .distinct = brake_hash(facts) };
        char key[MEMORY_KEY_SIZE];
        MemoryEntry *entry;
        int r;

        if (brake->n_filesystems == 0 || mark.distinct == 0)
                return;
        entry = entry_get(memory, memory_key(MEMORY_BRAKE, OWNER_OF_ALL, "", key), error);
        if (!entry)
                return;
        if (entry->until_usec > now_of(facts) || brake_is_reached(entry, brake, facts))
                entry->until_usec = now_of(facts) + (int64_t) brake->calm_usec;
        r = memory_entry_mark(entry, mark, window_start(now_of(facts), brake->within_usec));
        if (r < 0)
                *error = r;
}

static const PolicyRule *rule_of(const Policy *policy, const Decision *decision) {
        return decision->source == DECISION_RULE ? policy_find_rule(policy, decision->rule_id) : NULL;
}

static void count_limit(PolicyMemory *memory, LimitedThing thing, const ActionLimit *limit, const char *owner,
                        PolicyMode mode, const EventFacts *facts, int n, int *error) {
        int64_t oldest = window_start(now_of(facts), limit->within_usec);
        char key[MEMORY_KEY_SIZE];
        MemoryEntry *entry;

        if (limit->within_usec == 0 || n == 0)
                return;
        entry = entry_get(memory, owner_key(MEMORY_LIMIT, owner, mode, limited_thing_to_name(thing), key), error);
        if (!entry)
                return;
        if (n > 0) {
                const MemoryMark mark = { .time_usec = now_of(facts), .weight = (uint32_t) n };
                int r = memory_entry_mark(entry, mark, oldest);

                if (r < 0)
                        *error = r;
        }
        for (size_t i = entry->n_marks; n < 0 && i-- > 0;)
                for (; n < 0 && entry->marks[i].weight > 0; n++)
                        entry->marks[i].weight--;
}

static void count_actions(PolicyMemory *memory, const Policy *policy, const PolicyRule *rule, PolicyMode mode,
                          const EventFacts *facts, int n, int *error) {
        count_limit(memory, LIMITED_ACTIONS, &policy->limits.actions, NULL, mode, facts, n, error);
        if (rule)
                count_limit(memory, LIMITED_ACTIONS, &rule->source.timing.actions, rule->source.id, mode, facts, n,
                            error);
}

size_t policy_count_acting(const Decision *decision) {
        size_t n = 0;

        for (size_t i = 0; i < decision->n_actions; i++)
                if (!action_word_of(decision->actions[i].kind)->is_telling && !decision->actions[i].denied_by[0] &&
                    !decision->actions[i].is_deferred)
                        n++;
        /* The others are counted when they begin: most of them never do. */
        return decision->is_escalating ? min_of(n, (size_t) 1) : n;
}

/* Of several units those that have reached the count; after a wait it was reached before that. */
static void empty_windows(PolicyMemory *memory, const PolicyRule *rule, const EventFacts *facts) {
        const RuleWhen *when = &rule->source.timing.when;
        int64_t oldest = facts->resumed_from == RESUMED_NOT ? window_start(now_of(facts), when->within_usec)
                                                            : INT64_MIN;
        bool is_per_unit = when->per & EVENT_PART_BIT(EVENT_PART_UNIT);
        char key[MEMORY_KEY_SIZE];
        WorkloadUnits units;

        units_of(when->per, facts, &units);
        for (size_t i = 0; i < units.n_items; i++) {
                const MemoryEntry *known;
                MemoryEntry *entry;

                if (rule_key(MEMORY_WHEN, &rule->source, rule->mode, facts, units.items[i], key) < 0)
                        continue;
                known = memory_table_find(memory->table, key);
                if (known && (!is_per_unit || memory_entry_sum(known, oldest) >= when->count) &&
                    memory_table_get(memory->table, key, &entry) >= 0)
                        memory_table_remove(memory->table, entry);
        }
}

/* Also what is not ended by anybody rests: a crash between the two must not leave it awake. */
static void begin_rest(PolicyMemory *memory, const PolicyRule *rule, const EventFacts *facts, const Decision *decision,
                       int *error) {
        for (size_t i = 0; i < n_resting(decision); i++) {
                MemoryEntry *entry = rule_entry(memory, MEMORY_REST, rule, facts, resting_at(decision, i), error);

                if (!entry)
                        continue;
                entry->n_active++;
                entry->until_usec = now_of(facts) + (int64_t) rule->source.timing.cooldown.for_usec;
        }
}

static void end_rest(PolicyMemory *memory, const PolicyRule *rule, const EventFacts *facts, const Decision *decision,
                     int *error) {
        for (size_t i = 0; i < n_resting(decision); i++) {
                MemoryEntry *entry = rule_entry(memory, MEMORY_REST, rule, facts, resting_at(decision, i), error);

                if (!entry)
                        continue;
                if (entry->n_active > 0)
                        entry->n_active--;
                entry->until_usec = now_of(facts) + (int64_t) rule->source.timing.cooldown.for_usec;
        }
}

static void begin(PolicyMemory *memory, const PolicyRule *rule, const EventFacts *facts, const Decision *decision,
                  int *error) {
        const RuleTiming *timing = &rule->source.timing;
        MemoryEntry *entry;

        if (timing->when.count > 0)
                empty_windows(memory, rule, facts);
        if (timing->cooldown.for_usec > 0)
                begin_rest(memory, rule, facts, decision, error);
        if (timing->is_escalating && (entry = rule_entry(memory, MEMORY_LEVEL, rule, facts, "", error))) {
                entry->n_active++;
                entry->level = (uint32_t) decision->first_step;
                entry->until_usec = now_of(facts) + (int64_t) timing->again_usec;
        }
}

int policy_remember(PolicyMemory *memory, const Policy *policy, const EventFacts *facts, const Decision *decisions,
                    size_t n) {
        int error = 0;

        if (facts->resumed_from == RESUMED_NOT)
                count_all(memory, policy, facts, &error);
        count_brake(memory, policy, facts, &error);
        for (size_t i = 0; i < n; i++) {
                const Decision *decision = decisions + i;
                const PolicyRule *rule = policy->has_timing ? rule_of(policy, decision) : NULL;

                if (decision->suppressed_by[0] || decision->wait != WAIT_NONE)
                        continue;
                count_actions(memory, policy, rule, decision->mode, facts, (int) policy_count_acting(decision), &error);
                if (!rule)
                        continue;
                begin(memory, rule, facts, decision, &error);
                /* As if the first step had helped. */
                if (decision->mode == POLICY_MODE_OBSERVE)
                        policy_remember_end(memory, policy, facts, decision, ESCALATION_HELPED, 0);
        }
        return error;
}

void policy_remember_step(PolicyMemory *memory, const Policy *policy, const EventFacts *facts, const Decision *decision,
                          size_t action) {
        const PolicyRule *rule = policy->has_timing ? rule_of(policy, decision) : NULL;
        size_t step = decision->first_step + action;
        MemoryEntry *entry;
        int error = 0;

        if (!rule || !rule->source.timing.is_escalating || step >= rule->source.n_steps)
                return;
        if (!action_word_of(rule->source.steps[step].request.kind)->is_telling)
                count_actions(memory, policy, rule, decision->mode, facts, 1, &error);
        entry = rule_entry(memory, MEMORY_LEVEL, rule, facts, "", &error);
        if (entry) {
                entry->level = (uint32_t) step;
                entry->until_usec = now_of(facts) + (int64_t) rule->source.timing.again_usec;
        }
}

void policy_remember_attempts(PolicyMemory *memory, const Policy *policy, const EventFacts *facts,
                              const Decision *decision, int n) {
        const PolicyRule *rule = policy->has_timing ? rule_of(policy, decision) : NULL;
        int error = 0;

        count_actions(memory, policy, rule, decision->mode, facts, n, &error);
}

void policy_remember_workloads(PolicyMemory *memory, const Policy *policy, const EventFacts *facts,
                               const char *rule_id, PolicyMode mode, int n) {
        const PolicyRule *rule = policy_find_rule(policy, rule_id);
        int error = 0;

        count_limit(memory, LIMITED_WORKLOADS, &policy->limits.workloads, NULL, mode, facts, n, &error);
        if (rule)
                count_limit(memory, LIMITED_WORKLOADS, &rule->source.timing.workloads, rule->source.id, mode, facts, n,
                            &error);
}

static void end_level(MemoryEntry *entry, const PolicyRule *rule, int64_t now, EscalationEnd end, size_t step) {
        if (entry->n_active > 0)
                entry->n_active--;
        if (end == ESCALATION_CANCELLED)
                return;
        entry->level = (uint32_t) min_of(end == ESCALATION_HELPED ? step + 1 : rule->source.n_steps,
                                         rule->source.n_steps - 1);
        entry->until_usec = now + (int64_t) rule->source.timing.again_usec;
}

void policy_remember_end(PolicyMemory *memory, const Policy *policy, const EventFacts *facts, const Decision *decision,
                         EscalationEnd end, size_t action) {
        const PolicyRule *rule = policy->has_timing ? rule_of(policy, decision) : NULL;
        MemoryEntry *entry;
        int error = 0;

        if (!rule)
                return;
        if (rule->source.timing.cooldown.for_usec > 0)
                end_rest(memory, rule, facts, decision, &error);
        if (rule->source.timing.is_escalating && (entry = rule_entry(memory, MEMORY_LEVEL, rule, facts, "", &error)))
                end_level(entry, rule, now_of(facts), end, decision->first_step + action);
}

MemoryMoment policy_memory_moment(const PolicyMemory *memory, uint64_t boottime_usec, uint64_t realtime_usec) {
        MemoryMoment moment = {
                .boottime_usec = (int64_t) boottime_usec,
                .realtime_usec = (int64_t) realtime_usec,
        };

        (void) text_copy(moment.boot_id, sizeof(moment.boot_id), memory->boot_id);
        return moment;
}

int policy_memory_adopt(PolicyMemory *memory, const char *key, const char *text, uint64_t now_boottime_usec,
                        uint64_t now_realtime_usec) {
        const MemoryMoment now = policy_memory_moment(memory, now_boottime_usec, now_realtime_usec);
        MemoryEntry *entry;
        int r;

        if (memory_table_find(memory->table, key))
                return -EEXIST;
        r = memory_table_get(memory->table, key, &entry);
        if (r < 0)
                return r;
        r = memory_row_parse(text, &now, entry);
        if (r < 0)
                memory_table_remove(memory->table, entry);
        return r;
}

bool policy_memory_take_change(PolicyMemory *memory, uint64_t now_boottime_usec, uint64_t now_realtime_usec,
                               char *ret_key, char *ret_text) {
        const MemoryMoment now = policy_memory_moment(memory, now_boottime_usec, now_realtime_usec);
        MemoryChange change;

        if (!memory_table_take_changed(memory->table, &change))
                return false;
        (void) text_copy(ret_key, MEMORY_KEY_SIZE, change.key);
        ret_text[0] = '\0';
        if (change.entry)
                (void) memory_row_format(change.entry, &now, ret_text);
        return true;
}
