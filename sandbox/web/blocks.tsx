import type {
  CardBlock,
  ContainerBlock,
  DataTableBlock,
  InputBlock,
  KnownBlock,
  RawNumberElement,
  RawTextElement,
  RichTextBlock,
  TableBlock,
  TaskCardBlock,
} from '@slack/types';
import { type ReactNode, useId, useState } from 'react';
import Markdown from 'react-markdown';
import remarkGfm from 'remark-gfm';
import type { Block } from '../server/state.ts';
import { Element, Picture, type Spot } from './elements.tsx';
import { isSafeLink, Link, Mrkdwn, RichText, Text, Unknown, unescaped } from './words.tsx';

export function Blocks({ blocks, spot }: { blocks: readonly Block[]; spot: Spot }): ReactNode {
  return (
    <div className="blocks">
      {blocks.map((block, index) => (
        <OneBlock key={block.block_id ?? index} block={block as KnownBlock} spot={spot} />
      ))}
    </div>
  );
}

/** One case for each block of @slack/types: a new one does not compile until it has its own. */
function OneBlock({ block, spot }: { block: KnownBlock; spot: Spot }): ReactNode {
  const blockId = String(block.block_id ?? '');
  switch (block.type) {
    case 'header':
      return (
        <h3 className="header">
          <Text of={block.text} />
        </h3>
      );
    case 'divider':
      return <hr />;
    case 'section':
      return (
        <div className="section">
          <div className="grow">
            {block.text && (
              <div className="text">
                <Text of={block.text} />
              </div>
            )}
            {block.fields && (
              <div className="fields">
                {block.fields.map((field, index) => {
                  const key = index;
                  return (
                    <div key={key} className="text">
                      <Text of={field} />
                    </div>
                  );
                })}
              </div>
            )}
          </div>
          {block.accessory && (
            <div className="side">
              <Element of={block.accessory} blockId={blockId} spot={spot} about={block.text?.text} />
            </div>
          )}
        </div>
      );
    case 'context':
      return (
        <div className="context">
          {block.elements.map((one, index) => {
            const key = index;
            return (
              <span key={key}>{one.type === 'image' ? <Picture of={one} className="tiny" /> : <Text of={one} />}</span>
            );
          })}
        </div>
      );
    case 'actions':
    case 'context_actions':
      return (
        <div className="row">
          {block.elements.map((one, index) => (
            <Element key={one.action_id ?? index} of={one} blockId={blockId} spot={spot} />
          ))}
        </div>
      );
    case 'image':
      return (
        <figure>
          {block.title && (
            <figcaption>
              <Text of={block.title} />
            </figcaption>
          )}
          <Picture of={block} />
        </figure>
      );
    case 'input':
      return <Input block={block} spot={spot} />;
    case 'rich_text':
      return (
        <div className="text">
          <RichText of={block} />
        </div>
      );
    case 'markdown':
      return (
        <div className="text markdown">
          <Markdown
            remarkPlugins={[remarkGfm]}
            components={{
              // Pictures from elsewhere are named, not fetched.
              img: ({ alt, src }) => <span className="elsewhere">🖼 {alt ?? String(src)}</span>,
              a: ({ href, children }) => <Link url={href ?? ''}>{children}</Link>,
            }}
          >
            {block.text}
          </Markdown>
        </div>
      );
    case 'alert':
      return (
        <div className={`alert ${block.level ?? 'default'}`} role="note">
          <Text of={block.text} />
        </div>
      );
    case 'table':
      return <Table block={block} />;
    case 'data_table':
      return <DataTable block={block} />;
    case 'card':
      return <Card block={block} spot={spot} />;
    case 'carousel':
      return (
        <ul className="carousel" aria-label="Cards">
          {block.elements.map((one, index) => (
            <li key={one.block_id ?? index}>
              <Card block={one} spot={spot} />
            </li>
          ))}
        </ul>
      );
    case 'container':
      return <Container block={block} spot={spot} />;
    case 'plan':
      return (
        <section className="plan" aria-label={block.title}>
          <strong>{block.title}</strong>
          {(block.tasks ?? []).map((task, index) => (
            <Task key={String(task.task_id ?? index)} block={task as TaskCardBlock} />
          ))}
        </section>
      );
    case 'task_card':
      return <Task block={block} />;
    case 'file':
      return <div className="elsewhere">📄 A file kept elsewhere: {block.external_id}</div>;
    case 'video':
      return (
        <figure className="card">
          <figcaption>
            <Link url={block.title_url ?? block.video_url}>{block.title.text}</Link>
            {block.author_name && <small> {block.author_name}</small>}
          </figcaption>
          <Picture of={{ alt_text: block.alt_text, image_url: block.thumbnail_url }} />
          {block.description && <Text of={block.description} />}
          <Link url={block.video_url}>▶ Watch{block.provider_name ? ` on ${block.provider_name}` : ''}</Link>
        </figure>
      );
    default:
      return (
        <div className="unknown">
          <Unknown what={block satisfies never} />
        </div>
      );
  }
}

function Input({ block, spot }: { block: InputBlock; spot: Spot }): ReactNode {
  const id = useId();
  const blockId = String(block.block_id ?? '');
  const error = spot.view?.errors[blockId];
  const described = [block.hint ? `${id}-hint` : '', error ? `${id}-error` : ''].filter(Boolean).join(' ');
  const label = block.label.text;
  const grouped = block.element.type === 'checkboxes' || block.element.type === 'radio_buttons';
  const shown = (
    <>
      <Text of={block.label} />
      {block.optional && <span className="muted"> (optional)</span>}
    </>
  );
  return (
    <div className={error ? 'input wrong' : 'input'}>
      {grouped ? <div className="label">{shown}</div> : <label htmlFor={id}>{shown}</label>}
      <Element
        of={block.element}
        blockId={blockId}
        spot={spot}
        input={{
          id,
          label,
          invalid: error !== undefined,
          describedBy: described || undefined,
          dispatches: block.dispatch_action === true,
        }}
      />
      {error && (
        <div className="error" id={`${id}-error`} role="alert">
          {error}
        </div>
      )}
      {block.hint && (
        <div className="muted" id={`${id}-hint`}>
          <Text of={block.hint} />
        </div>
      )}
    </div>
  );
}

type Cell = RichTextBlock | RawTextElement | RawNumberElement;

function CellText({ of }: { of: Cell }): ReactNode {
  switch (of.type) {
    case 'rich_text':
      return <RichText of={of} />;
    case 'raw_text':
      return of.text;
    case 'raw_number':
      return of.text;
    default:
      return <Unknown what={of satisfies never} />;
  }
}

function Table({ block }: { block: TableBlock }): ReactNode {
  const [head, ...rows] = block.rows;
  const side = (column: number, cell: Cell) =>
    `${block.column_settings?.[column]?.align ?? (cell.type === 'raw_number' ? 'right' : 'left')} ${block.column_settings?.[column]?.is_wrapped ? 'wrapped' : ''}`;
  return (
    <section className="table" tabIndex={0} aria-label="Table">
      <table>
        {head && (
          <thead>
            <tr>
              {head.map((cell, column) => {
                const key = column;
                return (
                  <th key={key} scope="col" className={side(column, cell)}>
                    <CellText of={cell} />
                  </th>
                );
              })}
            </tr>
          </thead>
        )}
        <tbody>
          {rows.map((row, index) => {
            const key = index;
            return (
              <tr key={key}>
                {row.map((cell, column) => {
                  const cellKey = column;
                  return (
                    <td key={cellKey} className={side(column, cell)}>
                      <CellText of={cell} />
                    </td>
                  );
                })}
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}

function DataTable({ block }: { block: DataTableBlock }): ReactNode {
  const [page, setPage] = useState(0);
  const [head = [], ...rows] = block.rows;
  const size = block.page_size ?? 10;
  const pages = Math.max(1, Math.ceil(rows.length / size));
  const shown = rows.slice(page * size, (page + 1) * size);
  return (
    <section className="table" tabIndex={0} aria-label={block.caption}>
      <table>
        <caption>{block.caption}</caption>
        <thead>
          <tr>
            {head.map((cell, column) => {
              const key = column;
              return (
                <th key={key} scope="col">
                  <CellText of={cell} />
                </th>
              );
            })}
          </tr>
        </thead>
        <tbody>
          {shown.map((row, index) => {
            const key = page * size + index;
            return (
              <tr key={key}>
                {row.map((cell, column) => {
                  const cellKey = column;
                  const className = cell.type === 'raw_number' ? 'right' : '';
                  return column === (block.row_header_column_index ?? -1) ? (
                    <th key={cellKey} scope="row">
                      <CellText of={cell} />
                    </th>
                  ) : (
                    <td key={cellKey} className={className}>
                      <CellText of={cell} />
                    </td>
                  );
                })}
              </tr>
            );
          })}
        </tbody>
      </table>
      {pages > 1 && (
        <div className="row">
          <button type="button" disabled={page === 0} onClick={() => setPage(page - 1)}>
            Previous rows
          </button>
          <span>
            {page + 1} of {pages}
          </span>
          <button type="button" disabled={page >= pages - 1} onClick={() => setPage(page + 1)}>
            Next rows
          </button>
        </div>
      )}
    </section>
  );
}

function Card({ block, spot }: { block: CardBlock; spot: Spot }): ReactNode {
  return (
    <div className="card">
      {block.hero_image && <Picture of={block.hero_image} />}
      <div className="row">
        {block.icon && <Picture of={block.icon} className="tiny" />}
        {block.title && (
          <strong>
            <Mrkdwn text={block.title.text} />
          </strong>
        )}
      </div>
      {block.subtitle && (
        <small>
          <Mrkdwn text={block.subtitle.text} />
        </small>
      )}
      {block.body && (
        <div className="text">
          <Mrkdwn text={block.body.text} />
        </div>
      )}
      {block.actions && (
        <div className="row">
          {block.actions.map((one, index) => (
            <Element key={one.action_id ?? index} of={one} blockId={String(block.block_id ?? '')} spot={spot} />
          ))}
        </div>
      )}
    </div>
  );
}

function Container({ block, spot }: { block: ContainerBlock; spot: Spot }): ReactNode {
  const title = (
    <>
      {block.icon && <Picture of={block.icon} className="tiny" />}
      {block.title && <strong>{unescaped(block.title.text)}</strong>}
      {block.rich_text_title && <RichText of={block.rich_text_title} />}
      {block.subtitle && (
        <small>
          {' '}
          <Text of={block.subtitle} />
        </small>
      )}
    </>
  );
  const children = <Blocks blocks={block.child_blocks as unknown as readonly Block[]} spot={spot} />;
  if (block.is_collapsible)
    return (
      <details className="card" open={block.default_collapsed !== true}>
        <summary>{title}</summary>
        {children}
      </details>
    );
  return (
    <div className="card">
      <div>{title}</div>
      {children}
    </div>
  );
}

const status = {
  pending: ['○', 'pending'],
  in_progress: ['◐', 'in progress'],
  complete: ['✔', 'complete'],
  error: ['✖', 'error'],
} as const;

function Task({ block }: { block: TaskCardBlock }): ReactNode {
  const [icon, word] = status[block.status] ?? status.pending;
  return (
    <div className={`task ${block.status}`}>
      <span role="img" aria-label={word}>
        {icon}
      </span>{' '}
      {block.title}
      {block.details && <RichText of={block.details} />}
      {block.output && <RichText of={block.output} />}
      {(block.sources ?? [])
        .filter((source) => isSafeLink(source.url))
        .map((source) => (
          <Link key={source.url} url={source.url}>
            {source.text}
          </Link>
        ))}
    </div>
  );
}
