/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The only one who knows how a finding and an event are alike.
 */

#include "src/source/survey-source.h"

#include "src/basic/clock.h"
#include "src/basic/macro.h"

size_t survey_source_take(const WorkerSurveyResult *result, uint64_t filesystem_id, const EventSink *sink) {
        HealthEvent event = {
                .source = EVENT_SOURCE_SURVEY,
                .filesystem_id = filesystem_id,
                .kind = EVENT_SICK,
                .count = 1,
                .time_realtime_nsec = clock_realtime_usec() * NSEC_PER_USEC,
                .received_boottime_usec = clock_boottime_usec(),
        };
        size_t i;

        for (i = 0; i < result->n_findings; i++) {
                const SickFinding *finding = result->findings + i;

                event.domain = (EventDomain) finding->domain;
                event.structure = (Structure) finding->structure;
                event.unknown_bits = finding->unknown_bits;
                event.group = finding->group;
                event.inode = finding->inode;
                event.generation = finding->generation;
                event.io_path = finding->is_unreadable ? IO_PATH_MEDIA : IO_PATH_NONE;
                sink->on_event(sink->userdata, &event);
        }

        return i;
}
