import {
  type BookedFacts,
  type BookingFacts,
  BookingInput,
  bookingDurations,
  endBooking,
  OfBooking,
  reserveEnvironment,
} from '../domain/booking.ts';
import { takeDuration } from '../domain/line.ts';
import { addMinutes, readTime } from '../domain/time.ts';
import { loadBooking, loadReserve } from '../store/calendar.ts';
import { badOption, type Command, call, missing, type Parsed, type Verb } from './command.ts';

export const reserveCommand: Command<BookingInput, BookingFacts> = {
  name: 'reserve',
  audience: 'members',
  input: BookingInput,
  contends: (input) => [`environment:${input.environment}`],
  crowd: 'calendar',
  load: async (tx, by, input) => {
    const startsAt = new Date(input.startsAt);
    const minutes = Math.max(1, Math.min(input.minutes, bookingDurations.max));
    const { environment } = input;
    return {
      ok: true,
      facts: await loadReserve(tx, by, { environment, startsAt, endsAt: addMinutes(startsAt, minutes) }),
    };
  },
  numbered: true,
  decide: reserveEnvironment,
};

export const endBookingCommand: Command<OfBooking, BookedFacts> = {
  name: 'reserve end',
  audience: 'members',
  input: OfBooking,
  crowd: 'calendar',
  load: async (tx, by, input) => ({ ok: true, facts: await loadBooking(tx, by, input.booking) }),
  decide: endBooking,
};

export const reserveVerb: Verb = {
  name: 'reserve',
  synonyms: [],
  job: 'Ask',
  usage: 'reserve <environment> <when> [for 2h] ["what for"] [svc:payments] [--yes] | end ENV-7 | list',
  summary: 'keeps an environment free of releases, for a test round',
  examples: ['reserve staging tue 14:00 for 2h "UAT round 2"', 'reserve end ENV-7', 'reserve list'],
  target: false,
  parse: (line, said): Parsed => {
    const [what, ...words] = line.words;
    if (what === undefined || (what === 'list' && words.length === 0))
      return { do: 'answer', question: { ask: 'bookings' } };
    if (what === 'end') {
      const number = Number(/^(?:env-?)?(\d{1,9})$/i.exec(words[0] ?? '')?.[1]);
      return Number.isInteger(number)
        ? { do: 'run', call: call(endBookingCommand, { booking: number }) }
        : missing('which reservation, like ENV-7');
    }
    const strange = Object.keys(line.options).find((option) => !['svc', 'dur', 'yes'].includes(option));
    if (strange) return { do: 'usage', problem: { code: 'unexpected', text: `${strange}:${line.options[strange]}` } };
    const { minutes, rest } = takeDuration(words, line.options.dur);
    if (line.options.dur !== undefined && minutes === undefined)
      return badOption('dur', line.options.dur, ['30m', '2h']);
    const read = readTime(rest.join(' '), said);
    if (!read.ok) return { do: 'usage', problem: { code: 'time', problem: read.problem } };
    const wanted = call(reserveCommand, {
      environment: what,
      services: line.options.svc?.split(',').filter((service) => service !== '') ?? [],
      startsAt: read.at.toISOString(),
      minutes: minutes ?? 60,
      purpose: line.quoted.join(' ').slice(0, 200),
      channel: /^[CG]/.test(said.channel) ? said.channel : null,
    });
    return line.options.yes ? { do: 'run', call: wanted } : { do: 'confirm', call: wanted, typed: rest.join(' ') };
  },
};
