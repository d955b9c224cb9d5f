/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Findings of a survey as events: what the kernel remembered when it was asked, one event for each structure. When it
 * happened nobody knows any more; their time is that of the answer.
 */
#pragma once

#include "src/protocol/worker-protocol.h"
#include "src/source/source.h"

/* Gives each finding of one record to sink->on_event, in their order. Returns how many. */
size_t survey_source_take(const WorkerSurveyResult *result, uint64_t filesystem_id, const EventSink *sink);
