/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Getters: one fact out of EventFacts for each match key. Only the table in policy-vocabulary.c names them.
 * Without an event its facts are unknown, without a file system its facts are absent.
 */
#pragma once

#include "policy/policy-vocabulary.h"

void fact_get_fs_type(const EventFacts *facts, FactValue *ret_value);
void fact_get_fs_mount(const EventFacts *facts, FactValue *ret_value);
void fact_get_fs_label(const EventFacts *facts, FactValue *ret_value);
void fact_get_fs_uuid(const EventFacts *facts, FactValue *ret_value);
void fact_get_fs_device(const EventFacts *facts, FactValue *ret_value);
void fact_get_fs_root(const EventFacts *facts, FactValue *ret_value);
void fact_get_fs_state(const EventFacts *facts, FactValue *ret_value);
void fact_get_fs_removable(const EventFacts *facts, FactValue *ret_value);
void fact_get_fs_autofsck(const EventFacts *facts, FactValue *ret_value);
void fact_get_event(const EventFacts *facts, FactValue *ret_value);
void fact_get_severity(const EventFacts *facts, FactValue *ret_value);
void fact_get_domain(const EventFacts *facts, FactValue *ret_value);
void fact_get_structure(const EventFacts *facts, FactValue *ret_value);
void fact_get_group(const EventFacts *facts, FactValue *ret_value);
void fact_get_errno(const EventFacts *facts, FactValue *ret_value);
void fact_get_count(const EventFacts *facts, FactValue *ret_value);
void fact_get_shutdown_reason(const EventFacts *facts, FactValue *ret_value);
void fact_get_location(const EventFacts *facts, FactValue *ret_value);
void fact_get_time(const EventFacts *facts, FactValue *ret_value);
void fact_get_file_path(const EventFacts *facts, FactValue *ret_value);
void fact_get_file_owner(const EventFacts *facts, FactValue *ret_value);
void fact_get_file_group(const EventFacts *facts, FactValue *ret_value);
void fact_get_file_project(const EventFacts *facts, FactValue *ret_value);
void fact_get_workload_unit(const EventFacts *facts, FactValue *ret_value);
void fact_get_workload_slice(const EventFacts *facts, FactValue *ret_value);
void fact_get_workload_cgroup(const EventFacts *facts, FactValue *ret_value);
void fact_get_workload_user(const EventFacts *facts, FactValue *ret_value);
void fact_get_workload_container(const EventFacts *facts, FactValue *ret_value);
void fact_get_workload_pod(const EventFacts *facts, FactValue *ret_value);
