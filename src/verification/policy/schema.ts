/** What the CRDs say about one value under `spec`, as far as it can be checked without the API server. */
export type SchemaNode = ObjectNode | MapNode | ListNode | StringNode | IntegerNode | BooleanNode;

/** An object with named fields; any other field is refused. */
export interface ObjectNode {
  readonly type: 'object';
  readonly fields: Readonly<Record<string, SchemaNode>>;
  readonly required?: readonly string[];
  readonly default?: unknown;
}

/** An object whose keys are data. */
export interface MapNode {
  readonly type: 'map';
  readonly values: SchemaNode;
  readonly minProperties?: number;
  readonly maxProperties?: number;
}

/** A list. */
export interface ListNode {
  readonly type: 'list';
  readonly items: SchemaNode;
  readonly minItems?: number;
  readonly maxItems?: number;
}

/** A text; lengths are in characters. */
export interface StringNode {
  readonly type: 'string';
  readonly enum?: readonly string[];
  readonly format?: 'date-time';
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly default?: unknown;
}

/** A whole number. */
export interface IntegerNode {
  readonly type: 'integer';
  readonly minimum?: number;
  readonly maximum?: number;
  readonly default?: unknown;
}

/** True or false. */
export interface BooleanNode {
  readonly type: 'boolean';
  readonly default?: unknown;
}
