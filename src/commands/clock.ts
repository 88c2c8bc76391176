import { expireRelease, OfRelease, StartDue } from '../domain/deploy.ts';
import { type DigestFacts, type DigestNews, DueDigest, postDigest } from '../domain/digest.ts';
import { OfPasses } from '../domain/exception.ts';
import { OfExperiment } from '../domain/experiment.ts';
import { OfFreeze } from '../domain/freeze.ts';
import { OfIncident } from '../domain/incident.ts';
import { OfOverride } from '../domain/override.ts';
import { OfOverrun } from '../domain/overrun.ts';
import { askReview, missReview, OfAction } from '../domain/pir.ts';
import type { Timer } from '../domain/reaction.ts';
import type { ReleaseFacts } from '../domain/release.ts';
import { AskInput, EscalateInput, RemindInput } from '../domain/reminder.ts';
import { OfRoom } from '../domain/room.ts';
import { DueSeries } from '../domain/series.ts';
import { OfSwap } from '../domain/swap.ts';
import { closeTrain, DueTrain, type TrainFacts } from '../domain/train.ts';
import { OfTrust } from '../domain/trust.ts';
import { OfLine } from '../domain/waiting-line.ts';
import { loadTrain } from '../store/calendar.ts';
import { loadDueDigest } from '../store/follow.ts';
import { type Call, type Command, call, loadRelease, ofRelease } from './command.ts';
import { openStartCommand } from './deploy.ts';
import { endPassesCommand } from './exception.ts';
import { askExperimentCommand } from './experiment.ts';
import { announceFreezeCommand } from './freeze.ts';
import { remindIncidentCommand } from './incident.ts';
import { lapseOverrideCommand } from './override.ts';
import { remindActionCommand } from './pir.ts';
import { askCommand, escalateCommand, remindCommand } from './reminder.ts';
import {
  archiveRoomCommand,
  askStatusCommand,
  beginWatchCommand,
  endWatchCommand,
  lookAtRoomCommand,
  missLeadCommand,
  noticeEndCommand,
  overrunCommand,
  roomInTimeCommand,
} from './room.ts';
import { runSeriesCommand } from './series.ts';
import { lapseSwapCommand } from './swap.ts';
import { trustCommand } from './trust.ts';
import { lapseLineCommand, offerLineCommand } from './waiting-line.ts';

type TimerCommand = Timer['command'];

/*
 * What the clock does when a timer comes due. Every one looks again before it acts: the world may have moved on.
 */
const expireCommand: Command<OfRelease, ReleaseFacts> = {
  name: 'clock expire',
  audience: 'clock',
  input: OfRelease,
  contends: ofRelease,
  crowd: 'calendar',
  load: loadRelease,
  decide: expireRelease,
};

const reviewDueCommand: Command<OfRelease, ReleaseFacts> = {
  name: 'clock review',
  audience: 'clock',
  input: OfRelease,
  contends: ofRelease,
  load: loadRelease,
  decide: askReview,
};

const overdueCommand: Command<OfRelease, ReleaseFacts> = {
  name: 'clock overdue',
  audience: 'clock',
  input: OfRelease,
  contends: ofRelease,
  load: loadRelease,
  decide: missReview,
};

const digestCommand: Command<DueDigest, DigestFacts & DigestNews> = {
  name: 'clock digest',
  audience: 'clock',
  input: DueDigest,
  contends: (input) => [`digest:${input.channel}`],
  load: async (tx, by, input) => ({ ok: true, facts: await loadDueDigest(tx, by.workspace, input, by.now) }),
  decide: postDigest,
};

const trainCommand: Command<DueTrain, TrainFacts> = {
  name: 'clock train',
  audience: 'clock',
  input: DueTrain,
  contends: (input) => [`train:${input.train}`],
  crowd: 'calendar',
  load: async (tx, by, input) => ({ ok: true, facts: await loadTrain(tx, by.workspace, input.train, input.due) }),
  decide: closeTrain,
};

/** The command that a timer stands for. Throws on a timer that no version of this app has set. */
export function timerCall(body: unknown, dueAt: Date): Call {
  const timer = body as { command?: string } & Record<string, unknown>;
  switch (timer.command as TimerCommand) {
    case 'clock expire':
      return call(expireCommand, OfRelease.parse({ release: timer.release }));
    case 'clock room':
      return call(roomInTimeCommand, OfRoom.parse({ release: timer.release }));
    case 'clock steps':
      return call(lookAtRoomCommand, OfRoom.parse({ release: timer.release }));
    case 'clock lead':
      return call(missLeadCommand, OfRoom.parse({ release: timer.release }));
    case 'clock status':
      return call(askStatusCommand, OfRoom.parse({ release: timer.release }));
    case 'clock ending':
      return call(noticeEndCommand, OfOverrun.parse({ release: timer.release }));
    case 'clock overrun':
      return call(overrunCommand, OfOverrun.parse({ release: timer.release }));
    case 'clock watch':
      return call(beginWatchCommand, OfRoom.parse({ release: timer.release }));
    case 'clock unwatch':
      return call(endWatchCommand, OfRoom.parse({ release: timer.release }));
    case 'clock archive':
      return call(archiveRoomCommand, OfRoom.parse({ release: timer.release }));
    case 'clock action':
      return call(remindActionCommand, OfAction.parse({ release: timer.release, key: timer.action }));
    case 'clock start':
      return call(openStartCommand, StartDue.parse({ release: timer.release, again: timer.again ?? false }));
    case 'clock passes':
      return call(endPassesCommand, OfPasses.parse({ freeze: timer.freeze }));
    case 'clock review':
      return call(reviewDueCommand, OfRelease.parse({ release: timer.release }));
    case 'clock overdue':
      return call(overdueCommand, OfRelease.parse({ release: timer.release }));
    case 'clock trust':
      return call(trustCommand, OfTrust.parse({ release: timer.release }));
    case 'clock remind':
      return call(remindCommand, RemindInput.parse({ release: timer.release, step: timer.step }));
    case 'clock escalate':
      return call(escalateCommand, EscalateInput.parse({ release: timer.release, gate: timer.gate }));
    case 'clock ask': {
      const { release, person, revision, again } = timer;
      return call(askCommand, AskInput.parse({ release, person, revision, again }));
    }
    case 'clock override':
      return call(lapseOverrideCommand, OfOverride.parse({ release: timer.release, override: timer.override }));
    case 'clock digest':
      return call(digestCommand, DueDigest.parse({ channel: timer.channel, kind: timer.kind, due: dueAt }));
    case 'clock freeze':
      return call(announceFreezeCommand, OfFreeze.parse({ freeze: timer.freeze }));
    case 'clock line':
      return call(offerLineCommand, {});
    case 'clock lapse':
      return call(lapseLineCommand, OfLine.parse({ line: timer.line }));
    case 'clock swap':
      return call(lapseSwapCommand, OfSwap.parse({ swap: timer.swap }));
    case 'clock train':
      return call(trainCommand, DueTrain.parse({ train: timer.train, due: dueAt }));
    case 'clock experiment':
      return call(askExperimentCommand, OfExperiment.parse({ experiment: timer.experiment }));
    case 'clock incident':
      return call(remindIncidentCommand, OfIncident.parse({ key: timer.incident }));
    case 'clock series':
      return call(runSeriesCommand, DueSeries.parse({ series: timer.series }));
    default:
      throw new Error(`a timer names the unknown command ${timer.command}`);
  }
}
