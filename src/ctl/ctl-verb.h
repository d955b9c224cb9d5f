/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What carries out the verbs: one function each, called by ctl-main.c with a request that was checked
 * against the tables.
 */
#pragma once

#include "src/ctl/ctl-exit.h"
#include "src/ctl/ctl-options.h"

CtlExit ctl_help(const CtlRequest *request);
CtlExit ctl_version(const CtlRequest *request);
CtlExit ctl_status(const CtlRequest *request);
CtlExit ctl_monitor(const CtlRequest *request);
CtlExit ctl_events(const CtlRequest *request);
CtlExit ctl_history(const CtlRequest *request);
CtlExit ctl_explain(const CtlRequest *request);
CtlExit ctl_jobs(const CtlRequest *request);
CtlExit ctl_cancel(const CtlRequest *request);
CtlExit ctl_metrics(const CtlRequest *request);
CtlExit ctl_repair(const CtlRequest *request);
CtlExit ctl_scrub(const CtlRequest *request);
CtlExit ctl_verify(const CtlRequest *request);
CtlExit ctl_users(const CtlRequest *request);
CtlExit ctl_fail_workloads(const CtlRequest *request);
CtlExit ctl_freeze_workloads(const CtlRequest *request);
CtlExit ctl_shutdown(const CtlRequest *request);
CtlExit ctl_acknowledge(const CtlRequest *request);
CtlExit ctl_autofsck_get(const CtlRequest *request);
CtlExit ctl_autofsck_set(const CtlRequest *request);
CtlExit ctl_holds(const CtlRequest *request);
CtlExit ctl_unhold(const CtlRequest *request);
CtlExit ctl_inhibit(const CtlRequest *request);
CtlExit ctl_policy_check(const CtlRequest *request);
CtlExit ctl_policy_show(const CtlRequest *request);
CtlExit ctl_policy_explain(const CtlRequest *request);
CtlExit ctl_policy_simulate(const CtlRequest *request);
CtlExit ctl_policy_schema(const CtlRequest *request);
CtlExit ctl_reload(const CtlRequest *request);
CtlExit ctl_pause(const CtlRequest *request);
CtlExit ctl_resume(const CtlRequest *request);
CtlExit ctl_silence(const CtlRequest *request);
CtlExit ctl_silences(const CtlRequest *request);
CtlExit ctl_unsilence(const CtlRequest *request);
CtlExit ctl_test_event(const CtlRequest *request);
CtlExit ctl_takeover(const CtlRequest *request);
CtlExit ctl_release(const CtlRequest *request);
