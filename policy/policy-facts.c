/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One getter for each match key that is built.
 */
#include "policy/policy-facts.h"

#include "policy/time-window.h"

static void value_unknown(FactValue *ret_value, int error) {
        ret_value->state = FACT_UNKNOWN;
        ret_value->error = error;
}

static void value_absent(FactValue *ret_value) {
        ret_value->state = FACT_ABSENT;
}

static void value_number(FactValue *ret_value, uint64_t number) {
        ret_value->state = FACT_KNOWN;
        ret_value->number = number;
}

/* @text: borrowed; has to outlive the value. */
static void value_text(FactValue *ret_value, const char *text) {
        ret_value->state = FACT_KNOWN;
        ret_value->text = text;
        ret_value->texts = &ret_value->text;
        ret_value->n_texts = 1;
}

static void value_tristate(FactValue *ret_value, Tristate tristate) {
        switch (tristate) {
        case TRISTATE_NO:
                value_number(ret_value, false);
                break;
        case TRISTATE_YES:
                value_number(ret_value, true);
                break;
        case TRISTATE_UNKNOWN:
                value_unknown(ret_value, 0);
                break;
        }
}

void fact_get_fs_type(const EventFacts *facts, FactValue *ret_value) {
        if (!facts->filesystem)
                value_absent(ret_value);
        else if (!facts->filesystem->type)
                value_unknown(ret_value, 0);
        else
                value_text(ret_value, facts->filesystem->type);
}

/* No mount in the first namespace is a fact too: the file system may be mounted in another one only. */
void fact_get_fs_mount(const EventFacts *facts, FactValue *ret_value) {
        const FilesystemFacts *filesystem = facts->filesystem;

        if (filesystem && filesystem->are_mounts_unknown) {
                value_unknown(ret_value, 0);
                return;
        }
        if (!filesystem || filesystem->n_mounts == 0) {
                value_absent(ret_value);
                return;
        }

        ret_value->state = FACT_KNOWN;
        ret_value->texts = (const char *const *) filesystem->mounts;
        ret_value->n_texts = filesystem->n_mounts;
}

void fact_get_fs_label(const EventFacts *facts, FactValue *ret_value) {
        const FilesystemFacts *filesystem = facts->filesystem;

        if (!filesystem || filesystem->label_state == FACT_ABSENT)
                value_absent(ret_value);
        else if (filesystem->label_state == FACT_UNKNOWN || !filesystem->label)
                value_unknown(ret_value, 0);
        else
                value_text(ret_value, filesystem->label);
}

void fact_get_fs_uuid(const EventFacts *facts, FactValue *ret_value) {
        const FilesystemFacts *filesystem = facts->filesystem;

        if (!filesystem || filesystem->uuid_state == FACT_ABSENT)
                value_absent(ret_value);
        else if (filesystem->uuid_state == FACT_UNKNOWN)
                value_unknown(ret_value, 0);
        else
                value_text(ret_value, uuid_format(filesystem->uuid, ret_value->buffer));
}

void fact_get_fs_device(const EventFacts *facts, FactValue *ret_value) {
        if (!facts->filesystem)
                value_absent(ret_value);
        else if (!facts->filesystem->device)
                value_unknown(ret_value, 0);
        else
                value_text(ret_value, facts->filesystem->device);
}

void fact_get_fs_root(const EventFacts *facts, FactValue *ret_value) {
        if (facts->filesystem)
                value_tristate(ret_value, facts->filesystem->is_root);
        else
                value_absent(ret_value);
}

void fact_get_fs_state(const EventFacts *facts, FactValue *ret_value) {
        if (facts->filesystem)
                value_tristate(ret_value, facts->filesystem->is_state);
        else
                value_absent(ret_value);
}

void fact_get_fs_removable(const EventFacts *facts, FactValue *ret_value) {
        if (facts->filesystem)
                value_tristate(ret_value, facts->filesystem->is_removable);
        else
                value_absent(ret_value);
}

/* No property is a value of its own ("unset"), so that rules can name it. */
void fact_get_fs_autofsck(const EventFacts *facts, FactValue *ret_value) {
        const FilesystemFacts *filesystem = facts->filesystem;

        if (!filesystem) {
                value_absent(ret_value);
                return;
        }

        switch (filesystem->autofsck_state) {
        case FACT_UNKNOWN:
                value_unknown(ret_value, filesystem->autofsck_error);
                break;
        case FACT_ABSENT:
                value_number(ret_value, AUTOFSCK_UNSET);
                break;
        case FACT_KNOWN:
                value_number(ret_value, filesystem->autofsck);
                break;
        }
}

void fact_get_event(const EventFacts *facts, FactValue *ret_value) {
        if (facts->event)
                value_number(ret_value, facts->event->kind);
        else
                value_unknown(ret_value, 0);
}

void fact_get_severity(const EventFacts *facts, FactValue *ret_value) {
        if (facts->event)
                value_number(ret_value, health_event_severity(facts->event));
        else
                value_unknown(ret_value, 0);
}

void fact_get_domain(const EventFacts *facts, FactValue *ret_value) {
        if (facts->event)
                value_number(ret_value, facts->event->domain);
        else
                value_unknown(ret_value, 0);
}

void fact_get_structure(const EventFacts *facts, FactValue *ret_value) {
        if (!facts->event)
                value_unknown(ret_value, 0);
        else if (facts->event->structure == STRUCTURE_NONE)
                value_absent(ret_value);
        else
                value_number(ret_value, facts->event->structure);
}

void fact_get_group(const EventFacts *facts, FactValue *ret_value) {
        if (!facts->event)
                value_unknown(ret_value, 0);
        else if (facts->event->domain == DOMAIN_AG || facts->event->domain == DOMAIN_RTGROUP)
                value_number(ret_value, facts->event->group);
        else
                value_absent(ret_value);
}

void fact_get_errno(const EventFacts *facts, FactValue *ret_value) {
        if (!facts->event)
                value_unknown(ret_value, 0);
        else if (facts->event->error == 0)
                value_absent(ret_value);
        else
                value_number(ret_value, (uint64_t) facts->event->error);
}

void fact_get_count(const EventFacts *facts, FactValue *ret_value) {
        if (facts->event)
                value_number(ret_value, facts->event->count);
        else
                value_unknown(ret_value, 0);
}

void fact_get_shutdown_reason(const EventFacts *facts, FactValue *ret_value) {
        if (!facts->event)
                value_unknown(ret_value, 0);
        else if (facts->event->shutdown_reasons == 0)
                value_absent(ret_value);
        else
                value_number(ret_value, facts->event->shutdown_reasons);
}

void fact_get_location(const EventFacts *facts, FactValue *ret_value) {
        if (!facts->event)
                value_unknown(ret_value, 0);
        else if (!facts->event->location[0])
                value_absent(ret_value);
        else
                value_text(ret_value, facts->event->location);
}

void fact_get_time(const EventFacts *facts, FactValue *ret_value) {
        if (facts->now_realtime_usec > 0)
                value_number(ret_value, zone_week_minute(facts->zone, facts->now_realtime_usec));
        else
                value_unknown(ret_value, 0);
}

void fact_get_file_path(const EventFacts *facts, FactValue *ret_value) {
        if (!facts->event || facts->path_state == FACT_UNKNOWN) {
                value_unknown(ret_value, facts->path_error);
                return;
        }
        if (facts->path_state == FACT_ABSENT) {
                value_absent(ret_value);
                return;
        }

        ret_value->state = FACT_KNOWN;
        ret_value->texts = facts->paths;
        while (facts->paths[ret_value->n_texts])
                ret_value->n_texts++;
}

/* The number is there before the name, which need not be. */
static void value_account(FactValue *ret_value, const FileOwner *owner, const Account *account) {
        switch (account->state) {
        case FACT_UNKNOWN:
                value_unknown(ret_value, owner->error);
                break;
        case FACT_ABSENT:
                value_absent(ret_value);
                break;
        case FACT_KNOWN:
                value_number(ret_value, account->number);
                ret_value->is_unnamed = account->name_state == FACT_UNKNOWN;
                if (account->name_state == FACT_KNOWN)
                        value_text(ret_value, account->name);
                break;
        }
}

void fact_get_file_owner(const EventFacts *facts, FactValue *ret_value) {
        if (facts->event && facts->owner)
                value_account(ret_value, facts->owner, &facts->owner->user);
        else
                value_unknown(ret_value, 0);
}

void fact_get_file_group(const EventFacts *facts, FactValue *ret_value) {
        if (facts->event && facts->owner)
                value_account(ret_value, facts->owner, &facts->owner->group);
        else
                value_unknown(ret_value, 0);
}

void fact_get_file_project(const EventFacts *facts, FactValue *ret_value) {
        if (!facts->event || !facts->owner)
                value_unknown(ret_value, 0);
        else if (facts->owner->project_state == FACT_UNKNOWN)
                value_unknown(ret_value, facts->owner->project_error);
        else if (facts->owner->project_state == FACT_ABSENT)
                value_absent(ret_value);
        else
                value_number(ret_value, facts->owner->project);
}

/* Returns whether there are any to look at. */
static bool has_workloads(const EventFacts *facts, FactValue *ret_value) {
        if (!facts->event || (facts->filesystem && facts->workloads_state == FACT_UNKNOWN)) {
                value_unknown(ret_value, facts->workloads_error);
                return false;
        }
        if (!facts->filesystem || facts->workloads_state == FACT_ABSENT) {
                value_absent(ret_value);
                return false;
        }
        return true;
}

/* None of those that are known has one: then there is none, unless there may be others. */
static void value_none_of(FactValue *ret_value, bool is_partial) {
        if (is_partial)
                value_unknown(ret_value, 0);
        else
                value_absent(ret_value);
}

static void value_workload_text(const EventFacts *facts, WorkloadText which, FactValue *ret_value) {
        const WorkloadTexts *texts;

        if (!has_workloads(facts, ret_value))
                return;
        texts = &facts->workloads->texts[which];
        if (texts->n_items == 0) {
                value_none_of(ret_value, texts->is_partial);
                return;
        }
        ret_value->state = FACT_KNOWN;
        ret_value->texts = texts->items;
        ret_value->n_texts = texts->n_items;
        ret_value->is_partial = texts->is_partial;
}

void fact_get_workload_unit(const EventFacts *facts, FactValue *ret_value) {
        value_workload_text(facts, WORKLOAD_TEXT_UNIT, ret_value);
}

void fact_get_workload_slice(const EventFacts *facts, FactValue *ret_value) {
        value_workload_text(facts, WORKLOAD_TEXT_SLICE, ret_value);
}

void fact_get_workload_cgroup(const EventFacts *facts, FactValue *ret_value) {
        value_workload_text(facts, WORKLOAD_TEXT_CGROUP, ret_value);
}

void fact_get_workload_container(const EventFacts *facts, FactValue *ret_value) {
        value_workload_text(facts, WORKLOAD_TEXT_CONTAINER, ret_value);
}

void fact_get_workload_pod(const EventFacts *facts, FactValue *ret_value) {
        value_workload_text(facts, WORKLOAD_TEXT_POD, ret_value);
}

void fact_get_workload_user(const EventFacts *facts, FactValue *ret_value) {
        const WorkloadTexts *names;

        if (!has_workloads(facts, ret_value))
                return;
        if (facts->workloads->n_users == 0) {
                value_none_of(ret_value, facts->workloads->are_users_partial);
                return;
        }
        names = &facts->workloads->texts[WORKLOAD_TEXT_ACCOUNT];
        ret_value->state = FACT_KNOWN;
        ret_value->number = facts->workloads->users[0];
        ret_value->numbers = facts->workloads->users;
        ret_value->n_numbers = facts->workloads->n_users;
        ret_value->texts = names->items;
        ret_value->n_texts = names->n_items;
        ret_value->is_unnamed = names->is_partial;
        ret_value->is_partial = facts->workloads->are_users_partial;
}
