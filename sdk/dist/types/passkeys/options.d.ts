/** The options, as the back end made them or as passkeyd gave them on any of its wires. */
export declare function optionsIn(answer: any): any;
/** The options for the browser, which parses them if it has the parser. `any`: no passkey is named, so that the browser offers all. */
export declare function parse(given: unknown, creating: boolean, any: boolean): any;
