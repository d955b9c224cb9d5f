/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What one decision costs with 1 to 4,000 rules, facts known, beside the same rules tried one after the other; whether
 * it keeps memory; and what loading costs beside libyaml's own parse of the same text.
 *
 * The mix, of each ten rules: six name a mount point, two a UUID, one a label, one a structure of one group; all name
 * the event and repair or log. Two more, always there, have a pattern (a glob of a label, a regular expression of a
 * mount point); they are looked at last. Events go round over what the rules name, and one in four is named by none.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <yaml.h>

#include "policy/policy-choose.h"
#include "policy/policy-load.h"
#include "src/basic/macro.h"

#define REPETITIONS 9
#define BATCH_SECONDS 0.02
#define N_EVENTS 64

typedef struct Sample {
        HealthEvent event;
        FilesystemFacts filesystem;
        char mount[64], label[64];
        char *mounts[1];
        EventFacts facts;
} Sample;

static Sample samples[N_EVENTS];
static Decision decisions[POLICY_DECISIONS_MAX];

static double now(void) {
        struct timespec time;

        (void) clock_gettime(CLOCK_MONOTONIC, &time);
        return (double) time.tv_sec + (double) time.tv_nsec / 1e9;
}

static int compare(const void *a, const void *b) {
        double left = *(const double *) a, right = *(const double *) b;

        return left < right ? -1 : left > right;
}

/* Seconds of one call: the median of batches that are long enough for the clock. */
static double seconds_of(void (*call)(void *userdata, size_t i), void *userdata) {
        double found[REPETITIONS];
        size_t n = 1;

        for (;;) {
                double began = now(), took;

                for (size_t i = 0; i < n; i++)
                        call(userdata, i);
                took = now() - began;
                if (took >= BATCH_SECONDS)
                        break;
                n *= 2;
        }
        for (size_t k = 0; k < REPETITIONS; k++) {
                double began = now();

                for (size_t i = 0; i < n; i++)
                        call(userdata, i);
                found[k] = (now() - began) / (double) n;
        }
        qsort(found, REPETITIONS, sizeof(*found), compare);
        return found[REPETITIONS / 2];
}

static char *make_policy(size_t n_rules, size_t *ret_length) {
        char *text = NULL;
        FILE *stream = open_memstream(&text, ret_length);

        if (!stream)
                abort();
        fputs("version: 1\nrules:\n", stream);
        for (size_t i = 0; i < n_rules; i++) {
                const char *action = i % 2 ? "repair" : "log";

                fprintf(stream, "- {id: rule-%zu, match: {event: sick, ", i);
                if (i % 10 < 6)
                        fprintf(stream, "fs: {mount: /srv/volume-%zu}", i);
                else if (i % 10 < 8)
                        fprintf(stream, "fs: {uuid: 3f2504e0-4f89-11d3-9a0c-%012zx}", i);
                else if (i % 10 == 8)
                        fprintf(stream, "fs: {label: data-%zu}", i);
                else
                        fprintf(stream, "structure: finobt, group: %zu", 1000 + i);
                fprintf(stream, "}, do: [%s]}\n", action);
        }
        fputs("- {id: scratch, match: {event: sick, fs: {label: 'scratch*'}}, do: [log]}\n"
              "- {id: homes, match: {event: sick, fs: {mount: {regex: '/home/[a-z]+'}}}, do: [log]}\n", stream);
        if (fclose(stream) != 0)
                abort();
        return text;
}

/* Event @i is named by the rule at i / N_EVENTS of all, but every fourth by none. */
static void make_samples(size_t n_rules) {
        for (size_t i = 0; i < N_EVENTS; i++) {
                Sample *sample = samples + i;
                size_t rule = i % 4 == 3 ? n_rules + i : i * n_rules / N_EVENTS;

                *sample = (Sample) {
                        .event = {
                                .id = i + 1,
                                .kind = EVENT_SICK,
                                .domain = DOMAIN_AG,
                                .structure = rule % 10 == 9 ? STRUCTURE_AG_FINOBT : STRUCTURE_AG_BNOBT,
                                .group = (uint32_t) (1000 + rule),
                                .count = 1,
                        },
                        .filesystem = {
                                .type = (char *) "xfs",
                                .device = (char *) "/dev/sda1",
                                .uuid_state = FACT_KNOWN,
                                .label_state = FACT_KNOWN,
                                .n_mounts = 1,
                                .autofsck_state = FACT_KNOWN,
                                .autofsck = AUTOFSCK_REPAIR,
                        },
                };
                (void) snprintf(sample->mount, sizeof(sample->mount), "/srv/volume-%zu", rule);
                (void) snprintf(sample->label, sizeof(sample->label), "data-%zu", rule);
                sample->mounts[0] = sample->mount;
                sample->filesystem.label = sample->label;
                sample->filesystem.mounts = sample->mounts;
                for (size_t k = 0; k < sizeof(rule); k++)
                        sample->filesystem.uuid[UUID_SIZE - 1 - k] = (uint8_t) (rule >> (8 * k));
                sample->facts = (EventFacts) { .event = &sample->event, .filesystem = &sample->filesystem };
        }
}

static void choose(void *userdata, size_t i) {
        size_t n;

        if (policy_choose(userdata, NULL, &samples[i % N_EVENTS].facts, decisions, POLICY_DECISIONS_MAX, &n) < 0)
                abort();
        for (size_t k = 0; k < n; k++)
                decision_clear(decisions + k);
}

static void walk(void *userdata, size_t i) {
        size_t n;

        if (policy_choose_walking(userdata, &samples[i % N_EVENTS].facts, decisions, POLICY_DECISIONS_MAX, &n) < 0)
                abort();
        for (size_t k = 0; k < n; k++)
                decision_clear(decisions + k);
}

typedef struct Text {
        char *text;
        size_t length;
} Text;

static void load(void *userdata, _unused_ size_t i) {
        const Text *text = userdata;
        PolicyProblems problems = {};
        Policy *policy;

        if (policy_load_text("bench.yaml", text->text, text->length, 1, &problems, &policy) < 0)
                abort();
        policy_unref(policy);
        policy_problems_clear(&problems);
}

static void parse(void *userdata, _unused_ size_t i) {
        const Text *text = userdata;
        yaml_parser_t parser;
        yaml_event_t event;
        bool is_end = false;

        if (!yaml_parser_initialize(&parser))
                abort();
        yaml_parser_set_input_string(&parser, (const unsigned char *) text->text, text->length);
        while (!is_end) {
                if (!yaml_parser_parse(&parser, &event))
                        abort();
                is_end = event.type == YAML_STREAM_END_EVENT;
                yaml_event_delete(&event);
        }
        yaml_parser_delete(&parser);
}

int main(void) {
        static const size_t counts[] = { 1, 10, 100, 1000, 4000 };
        double of_ten = 0;

        printf("one decision, facts known, at most two patterns reached; medians of %d batches\n", REPETITIONS);
        for (size_t i = 0; i < ELEMENTSOF(counts); i++) {
                PolicyProblems problems = {};
                Policy *policy;
                Text text;
                struct mallinfo2 before, after;
                double indexed, walked;

                text.text = make_policy(counts[i], &text.length);
                load(&text, 0);
                if (policy_load_text("bench.yaml", text.text, text.length, 1, &problems, &policy) < 0)
                        abort();
                make_samples(counts[i]);
                /* PCRE2 keeps the memory of its first match. */
                for (size_t k = 0; k < N_EVENTS; k++)
                        choose(policy, k);
                before = mallinfo2();
                for (size_t k = 0; k < N_EVENTS; k++)
                        choose(policy, k);
                after = mallinfo2();
                indexed = seconds_of(choose, policy);
                walked = seconds_of(walk, policy);
                if (counts[i] == 10)
                        of_ten = indexed;
                printf("%5zu rules: %8.0f ns, one after the other %10.0f ns (%.1f times)%s", counts[i], indexed * 1e9,
                       walked * 1e9, walked / indexed, before.uordblks == after.uordblks ? "" : ", memory kept");
                if (counts[i] > 10)
                        printf(", %.2f times the cost at 10 rules", indexed / of_ten);
                putchar('\n');
                if (counts[i] == 4000) {
                        double loading = seconds_of(load, &text), parsing = seconds_of(parse, &text);

                        printf("loading %zu KiB: %.1f ms, libyaml's parse %.1f ms (%.2f times)\n", text.length / 1024,
                               loading * 1e3, parsing * 1e3, loading / parsing);
                }
                policy_unref(policy);
                policy_problems_clear(&problems);
                free(text.text);
        }
        return 0;
}
