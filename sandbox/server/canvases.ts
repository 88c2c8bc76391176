import { type Args, fail, type Methods, memberChannel, type Reply } from './reply.ts';
import type { Canvas } from './state.ts';
import { changed, newId, takeFault, type World } from './world.ts';

/* Canvases: one for each channel, and others beside; their content is Markdown, in sections. */

const largest = 1_048_576;

export const canvases: Methods = {
  'conversations.canvases.create': {
    scopes: ['canvases:write'],
    tier: 2,
    required: ['channel_id'],
    run: (world, args) => {
      const channel = memberChannel(world, args.channel_id);
      if (typeof channel === 'string') return fail(channel);
      if (Object.values(world.state.canvases).some((one) => one.channel === channel.id))
        return fail('channel_canvas_already_exists');
      return create(world, args, channel.id);
    },
  },
  'canvases.create': {
    scopes: ['canvases:write'],
    tier: 2,
    run: (world, args) => create(world, args, null),
  },
  'canvases.edit': {
    scopes: ['canvases:write'],
    tier: 3,
    required: ['canvas_id', 'changes'],
    run: (world, args) => {
      const canvas = world.state.canvases[String(args.canvas_id)];
      if (!canvas) return fail('canvas_not_found');
      // Somebody else is writing: a test says so, as Slack does now and then.
      if (takeFault(world, 'canvas.lock', false)) return fail('canvas_editing_locked');
      const changes = args.changes as Change[];
      if (!Array.isArray(changes) || changes.length !== 1) return fail('invalid_arguments');
      const [change] = changes as [Change];
      const markdown = change.document_content?.markdown ?? '';
      if (markdown.length > largest) return fail('canvas_too_large');
      const sections = sectionsOf(markdown).map((text) => ({ id: newId(world, 'sec'), text }));
      const at = canvas.sections.findIndex((one) => one.id === change.section_id);
      if (change.section_id !== undefined && at < 0) return fail('canvas_editing_failed');
      switch (change.operation) {
        case 'insert_at_start':
          canvas.sections.unshift(...sections);
          break;
        case 'insert_at_end':
          canvas.sections.push(...sections);
          break;
        case 'insert_after':
        case 'insert_before':
          if (at < 0) return fail('invalid_arguments');
          canvas.sections.splice(at + (change.operation === 'insert_after' ? 1 : 0), 0, ...sections);
          break;
        case 'replace':
          if (at < 0) canvas.sections = sections;
          else canvas.sections.splice(at, 1, ...sections);
          break;
        case 'delete':
          if (at < 0) return fail('invalid_arguments');
          canvas.sections.splice(at, 1);
          break;
        default:
          return fail('invalid_arguments', [`[ERROR] unknown operation ${String(change.operation)}`]);
      }
      changed(world);
      return { ok: true };
    },
  },
  'canvases.sections.lookup': {
    scopes: ['canvases:read'],
    tier: 3,
    required: ['canvas_id', 'criteria'],
    run: (world, args) => {
      const canvas = world.state.canvases[String(args.canvas_id)];
      if (!canvas) return fail('canvas_not_found');
      const { contains_text: text = '', section_types: types = [] } = args.criteria as {
        contains_text?: string;
        section_types?: string[];
      };
      const found = canvas.sections.filter(
        (one) =>
          one.text.includes(text) &&
          (types.length === 0 ||
            types.includes('any_header') === /^#{1,3} /.test(one.text) ||
            types.includes(`h${/^(#{1,3}) /.exec(one.text)?.[1]?.length}`)),
      );
      return { ok: true, sections: found.map(({ id }) => ({ id })) };
    },
  },
  'canvases.delete': {
    scopes: ['canvases:write'],
    tier: 3,
    required: ['canvas_id'],
    run: (world, args) => {
      if (!world.state.canvases[String(args.canvas_id)]) return fail('canvas_not_found');
      delete world.state.canvases[String(args.canvas_id)];
      changed(world);
      return { ok: true };
    },
  },
};

type Change = {
  operation?: string;
  section_id?: string;
  document_content?: { type?: string; markdown?: string };
};

function create(world: World, args: Args, channel: string | null): Reply {
  const { markdown = '' } = (args.document_content ?? {}) as { markdown?: string };
  if (markdown.length > largest) return fail('canvas_too_large');
  const canvas: Canvas = {
    id: newId(world, 'F'),
    channel,
    title: String(args.title ?? ''),
    sections: sectionsOf(markdown).map((text) => ({ id: newId(world, 'sec'), text })),
  };
  world.state.canvases[canvas.id] = canvas;
  changed(world);
  return { ok: true, canvas_id: canvas.id };
}

/** Blank lines part sections. */
function sectionsOf(markdown: string): string[] {
  return markdown
    .split(/\n{2,}/)
    .map((one) => one.trim())
    .filter(Boolean);
}
