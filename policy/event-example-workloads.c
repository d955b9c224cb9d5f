/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who uses file system or file in an example: a list of maps.
 */
#include "policy/event-example-internal.h"

#include <string.h>

#include "src/basic/text.h"

/* The one that is being read; keys know nothing of each other. */
static void keep_text(ExampleReader *reader, const char *key, const YamlNode *value, char *buffer, size_t size_bytes) {
        const char *text;

        if (parse_text(&reader->parser, value, key, &text) && text_copy(buffer, size_bytes, text) < 0)
                policy_error(reader->parser.problems, value->position, "\"%s\" is too long", key);
}

static void read_unit(ExampleReader *reader, const char *key, const YamlNode *value) {
        keep_text(reader, key, value, reader->workload.workload.unit, sizeof(reader->workload.workload.unit));
}

static void read_slice(ExampleReader *reader, const char *key, const YamlNode *value) {
        keep_text(reader, key, value, reader->workload.workload.slice, sizeof(reader->workload.workload.slice));
}

static void read_cgroup(ExampleReader *reader, const char *key, const YamlNode *value) {
        const char *text;

        if (parse_text(&reader->parser, value, key, &text) && text[0] != '/')
                policy_error(reader->parser.problems, value->position, "\"%s\" is no absolute path", text);
        else
                keep_text(reader, key, value, reader->workload.cgroup, sizeof(reader->workload.cgroup));
}

static void read_container(ExampleReader *reader, const char *key, const YamlNode *value) {
        keep_text(reader, key, value, reader->workload.workload.container,
                  sizeof(reader->workload.workload.container));
}

static void read_pod(ExampleReader *reader, const char *key, const YamlNode *value) {
        keep_text(reader, key, value, reader->workload.workload.pod, sizeof(reader->workload.workload.pod));
}

static void read_user(ExampleReader *reader, const char *key, const YamlNode *value) {
        WorkloadFact *fact = &reader->workload;
        Account account = {};

        if (example_is_unknown(value))
                return;
        example_read_account(reader, key, value, &account);
        fact->user_state = account.state;
        fact->user = account.number;
        fact->account_state = account.name_state;
        if (account.name_state == FACT_KNOWN && text_copy(fact->account, sizeof(fact->account), account.name) < 0)
                policy_error(reader->parser.problems, value->position, "\"%s\" is too long", key);
}

static const ExampleKey workload_keys[] = {
        { "unit", read_unit },
        { "slice", read_slice },
        { "cgroup", read_cgroup },
        { "user", read_user },
        { "container", read_container },
        { "pod", read_pod },
};

static void add_workload(ExampleReader *reader, const char *key, const YamlNode *item) {
        EventExample *example = reader->example;

        /* There are more, nobody knows which. */
        if (example_is_unknown(item)) {
                example->workloads.is_partial = true;
                return;
        }
        if (!parse_kind(&reader->parser, item, YAML_KIND_MAP, key))
                return;
        reader->workload = (WorkloadFact) { .workload.user = WORKLOAD_USER_NONE };
        example_read_map(reader, item, "fact of a workload", workload_keys, ELEMENTSOF(workload_keys));
        /* Whose it is does not matter here, only that it is one. */
        if (reader->workload.workload.container[0])
                reader->workload.workload.runtime = RUNTIME_OTHER;
        if (workload_facts_add(&example->workloads, &reader->workload) < 0)
                reader->is_out_of_memory = true;
}

void example_read_workloads(ExampleReader *reader, const char *key, const YamlNode *value) {
        EventExample *example = reader->example;

        workload_facts_clear(&example->workloads);
        if (yaml_node_is_null(value) || example_is_unknown_why(value, &example->workloads_error)) {
                example->workloads_state = yaml_node_is_null(value) ? FACT_ABSENT : FACT_UNKNOWN;
                return;
        }
        if (!parse_kind(&reader->parser, value, YAML_KIND_LIST, key))
                return;
        YAML_FOREACH(item, value)
                add_workload(reader, key, item);
        example->workloads_state = FACT_KNOWN;
        if (workload_facts_settle(&example->workloads) < 0)
                reader->is_out_of_memory = true;
}
