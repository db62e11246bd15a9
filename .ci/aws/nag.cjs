// Prints what the rules AwsSolutions of cdk-nag find in each template, one line of JSON each: [[resource, rule], …].
const { App, Stack } = require('aws-cdk-lib');
const { CfnInclude } = require('aws-cdk-lib/cloudformation-include');
const { AwsSolutionsChecks } = require('cdk-nag');

for (const templateFile of process.argv.slice(2)) {
  const stack = new Stack(new App(), 'stack');
  new CfnInclude(stack, 'template', { templateFile });
  const found = [];
  for (const { ruleName, violatingResources } of new AwsSolutionsChecks().validateScope(stack).violations)
    for (const { constructPath } of violatingResources)
      found.push([constructPath.split('/').pop(), ruleName.replace('AwsSolutions-', '')]);
  console.log(JSON.stringify(found));
}
