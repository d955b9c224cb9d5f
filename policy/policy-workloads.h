/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Parameters of actions that are done to those who use a file system: reading and showing a WorkloadScope. For this
 * folder alone.
 */
#pragma once

#include <stdio.h>

#include "policy/policy-parse-value.h"

/* Whether a parameter's value lies in the scope, not in the request itself. */
bool parameter_is_of_scope(const ActionParameter *parameter);

/* One parameter. Reports what is wrong. */
void parse_scope_value(PolicyParser *parser, const ActionParameter *parameter, const YamlNode *node,
                       WorkloadScope *scope);
/* When all of them were read: what hangs on others. @parameters: the map that they stand in. */
void parse_scope_end(PolicyParser *parser, const YamlNode *parameters, WorkloadScope *scope);

bool scope_value_is_default(const ActionParameter *parameter, const WorkloadScope *scope);
/* The value as one would write it behind the parameter's name. */
void scope_print_value(const ActionParameter *parameter, const WorkloadScope *scope, FILE *stream);
/* " who fs-users max 5": what has to be written, and what is not as it is by default. */
void scope_explain(ActionKind kind, const WorkloadScope *scope, FILE *stream);
