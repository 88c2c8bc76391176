import { type MetricGroup, metricGroups } from '../domain/metric.ts';
import { reportDays } from '../domain/report.ts';
import { badOption, type Parsed, type Verb } from './command.ts';

const other: Readonly<Record<string, MetricGroup>> = { dora: 'delivery', approval: 'approvals' };

export const reportVerb: Verb = {
  name: 'report',
  synonyms: ['numbers'],
  job: 'Look',
  usage: 'report [delivery | approvals | flow | record] [svc:payments | team:payments] [env:production] [90d] [--png]',
  summary: 'how releases go, in numbers that say what they mean and how sure they are',
  examples: ['report', 'report flow team:payments 90d', 'report delivery svc:payments --png'],
  target: false,
  parse: (line): Parsed => {
    const { svc, service = svc, team, env, png, ...rest } = line.options;
    const [strange] = Object.entries(rest);
    if (strange) return { do: 'usage', problem: { code: 'unexpected', text: strange.join(':') } };
    let group: MetricGroup = 'delivery';
    let days: number = reportDays.usual;
    for (const word of line.words) {
      const named = metricGroups.find((one) => one === word.toLowerCase()) ?? other[word.toLowerCase()];
      const span = /^(\d{1,4})d$/i.exec(word)?.[1];
      if (named) group = named;
      else if (span === undefined) return { do: 'usage', problem: { code: 'unexpected', text: word } };
      else if (Number(span) < reportDays.min || Number(span) > reportDays.max)
        return badOption('days', word, [`${reportDays.min}d to ${reportDays.max}d`]);
      else days = Number(span);
    }
    if (service !== undefined && team !== undefined)
      return { do: 'usage', problem: { code: 'unexpected', text: `team:${team} beside svc:${service}` } };
    return {
      do: 'answer',
      question: {
        ask: 'report',
        report: {
          group,
          service: service?.toLowerCase() ?? null,
          team: team?.toLowerCase() ?? null,
          environment: env?.toLowerCase() ?? null,
          days,
          png: png !== undefined,
        },
      },
    };
  },
};
